namespace SmtWeb.Torch;

/// <summary>A thread that does one thing at a time for a caller who waits for it, unless <see cref="Abandon"/> sends the caller home.</summary>
internal sealed class Worker : IDisposable
{
    private readonly object sync = new();
    private readonly Thread thread;
    private Job? job;
    private bool abandoned, over;

    private sealed class Job(Action body)
    {
        internal Action Body { get; } = body;

        internal bool Done { get; set; }

        internal Exception? Failure { get; set; }

        internal Action? CleanUp { get; set; }
    }

    internal Worker(string name)
    {
        thread = new Thread(Work) { IsBackground = true, Name = name };
        thread.Start();
    }

    /// <summary>
    /// Runs <paramref name="body"/> and returns true, or false if it was abandoned before or meanwhile. In the latter case the body
    /// goes on: <paramref name="abandoned"/> is called at once, by the caller, and what it returns when the body has ended.
    /// </summary>
    internal bool Run(Action body, Func<Action> abandoned)
    {
        var mine = new Job(body);
        lock (sync)
        {
            while (job is not null && !this.abandoned && !over)
            {
                Monitor.Wait(sync); // another caller's turn
            }
            if (this.abandoned || over)
            {
                return false;
            }
            job = mine;
            Monitor.PulseAll(sync);
            while (!mine.Done && !this.abandoned)
            {
                Monitor.Wait(sync);
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
        lock (sync)
        {
            abandoned = true;
            Monitor.PulseAll(sync);
        }
    }

    private void Work()
    {
        while (true)
        {
            Job next;
            lock (sync)
            {
                while (job is null && !over)
                {
                    Monitor.Wait(sync);
                }
                if (job is null)
                {
                    return;
                }
                next = job;
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
            lock (sync)
            {
                next.Done = true;
                job = null;
                Monitor.PulseAll(sync);
            }
            next.CleanUp?.Invoke();
        }
    }

    /// <summary>Ends the thread when it has nothing to do.</summary>
    public void Dispose()
    {
        lock (sync)
        {
            over = true;
            Monitor.PulseAll(sync);
        }
    }
}
