namespace SmtWeb.Torch;

/// <summary>
/// A thread that does one thing at a time for a caller who waits for it, unless <see cref="Abandon"/> sends the caller home.
/// </summary>
internal sealed class Worker : IDisposable
{
    private readonly object _sync = new();
    private readonly Thread _thread;
    private Job? _job;
    private bool _abandoned,
        _over;

    private sealed class Job(Action body)
    {
        internal Action Body { get; } = body;

        internal bool Done { get; set; }

        internal Exception? Failure { get; set; }

        internal Action? CleanUp { get; set; }
    }

    internal Worker(string name)
    {
        _thread = new Thread(Work) { IsBackground = true, Name = name };
        _thread.Start();
    }

    /// <summary>
    /// Runs <paramref name="body"/> and returns true, or false if it was abandoned before or meanwhile. In the latter case the body
    /// goes on: <paramref name="abandoned"/> is called at once, by the caller, and what it returns when the body has ended.
    /// </summary>
    internal bool Run(Action body, Func<Action> abandoned)
    {
        var mine = new Job(body);
        lock (_sync)
        {
            while (_job is not null && !_abandoned && !_over)
            {
                Monitor.Wait(_sync); // another caller's turn
            }
            if (_abandoned || _over)
            {
                return false;
            }
            _job = mine;
            Monitor.PulseAll(_sync);
            while (!mine.Done && !_abandoned)
            {
                Monitor.Wait(_sync);
            }
            if (!mine.Done)
            {
                mine.CleanUp = abandoned();
                return false;
            }
        }
        return mine.Failure is null ? true : throw new TorchException(mine.Failure.Message, mine.Failure);
    }

    /// <summary>Sends home who waits, now and from now on.</summary>
    internal void Abandon()
    {
        lock (_sync)
        {
            _abandoned = true;
            Monitor.PulseAll(_sync);
        }
    }

    private void Work()
    {
        while (true)
        {
            Job next;
            lock (_sync)
            {
                while (_job is null && !_over)
                {
                    Monitor.Wait(_sync);
                }
                if (_job is null)
                {
                    return;
                }
                next = _job;
            }
            try
            {
                next.Body();
            }
#pragma warning disable CA1031 // it belongs to the caller, who throws it again
            catch (Exception e)
#pragma warning restore CA1031
            {
                next.Failure = e;
            }
            lock (_sync)
            {
                next.Done = true;
                _job = null;
                Monitor.PulseAll(_sync);
            }
            next.CleanUp?.Invoke();
        }
    }

    /// <summary>Ends the thread when it has nothing to do.</summary>
    public void Dispose()
    {
        lock (_sync)
        {
            _over = true;
            Monitor.PulseAll(_sync);
        }
    }
}
