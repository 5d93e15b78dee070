using System.Diagnostics;
using System.Threading.Channels;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Session;
using SmtWeb.Torch;

namespace SmtWeb.Worker.Training;

/// <summary>
/// The journal of an attempt in PostgreSQL. What the trainer says goes into a bounded queue and is stored by a task of its
/// own, some 100 ms together in one transaction, so that training never waits for the database; only while the database
/// is away for long does a full queue hold the trainer up. Nothing is dropped and nothing stored twice.
/// </summary>
public sealed class DbTrainingJournal : ITrainingJournal, IAsyncDisposable
{
    private const int QueueLength = 20_000;

    private static readonly TimeSpan FlushEvery = TimeSpan.FromMilliseconds(100);

    private readonly AttemptWriter _attempt;
    private readonly TimeSpan _patience;
    private readonly Func<string, Stream>? _openTeacher;
    private readonly Channel<object> _queue = Channel.CreateBounded<object>(
        new BoundedChannelOptions(QueueLength) { SingleReader = true, SingleWriter = true }
    );
    private readonly Task _writer;
    private TrainerOrder _order = TrainerOrder.GoOn;
    private volatile TrainerOrder _obeyed = TrainerOrder.GoOn;
    private volatile bool _abandoned;
    private long _lastCall = Stopwatch.GetTimestamp();
    private volatile Exception? _fault;

    /// <summary>
    /// Starts the journal of an attempt. <paramref name="patience"/>: how long the database may be away;
    /// <paramref name="openTeacher"/> finds the teachers of distillations.
    /// </summary>
    public DbTrainingJournal(AttemptWriter attempt, TimeSpan patience, Func<string, Stream>? openTeacher = null)
    {
        (_attempt, _patience, _openTeacher) = (attempt, patience, openTeacher);
        _writer = Task.Run(StoreAsync);
    }

    /// <inheritdoc/>
    public bool AcceptsChangedData { get; set; }

    /// <inheritdoc/>
    public TrainingSignal Signal
    {
        get
        {
            Volatile.Write(ref _lastCall, Stopwatch.GetTimestamp());
            if (_abandoned)
            {
                return TrainingSignal.Abandon;
            }

            // what the session acts on from here is known from here, whatever is asked later
            _obeyed = Volatile.Read(ref _order);
            return _obeyed.Request switch
            {
                RunRequest.None => TrainingSignal.Continue,
                RunRequest.Pause or RunRequest.Release => TrainingSignal.Pause,
                RunRequest.Stop => TrainingSignal.Stop,
            };
        }
    }

    /// <summary>The order that the session was told last: a session that left because it was told to left for this.</summary>
    public TrainerOrder Obeyed => _obeyed;

    /// <summary>Time since the trainer last called.</summary>
    public TimeSpan Silence => Stopwatch.GetElapsedTime(Volatile.Read(ref _lastCall));

    /// <summary>
    /// Gives the trainer an order, the signal and its reason in one. One of lower rank than the present one changes nothing.
    /// </summary>
    public void Raise(TrainerOrder order)
    {
        for (var present = Volatile.Read(ref _order); order.Rank > present.Rank; )
        {
            var found = Interlocked.CompareExchange(ref _order, order, present);
            if (ReferenceEquals(found, present))
            {
                return;
            }

            present = found;
        }
    }

    /// <summary>The attempt no longer owns the run: the session leaves without writing.</summary>
    public void Abandon() => _abandoned = true;

    /// <inheritdoc/>
    public void Metrics(IReadOnlyList<MetricPoint> points) => Put(points.ToArray());

    /// <inheritdoc/>
    public void Picture(PictureRecord picture) => Put(picture);

    /// <inheritdoc/>
    public void Evaluation(EvaluationRecord evaluation) => Put(evaluation);

    /// <inheritdoc/>
    public Stream OpenTeacher(string teacher) =>
        _openTeacher is null
            ? throw new FileNotFoundException($"The teacher '{teacher}' ($.method.teacher) cannot be looked up here.")
            : _openTeacher(teacher);

    /// <inheritdoc/>
    public void Log(LogLevel level, string message) => Put(new JournalLine(level, message));

    /// <inheritdoc/>
    public void Checkpoint(CheckpointRecord checkpoint, Action<Stream> write)
    {
        // Whoever goes on from this checkpoint keeps the points before it, so they must be stored before it is visible.
        Flush();
        using var stream = _attempt.Checkpoint(checkpoint, _patience);
        write(stream);
        stream.CompleteAsync().GetAwaiter().GetResult();
    }

    /// <summary>Returns when everything said so far is stored.</summary>
    public void Flush()
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Put(done);
        done.Task.GetAwaiter().GetResult();
    }

    /// <summary>Stores what is left. Faults were thrown at the trainer already.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _writer;
    }

    private void Put(object item)
    {
        Volatile.Write(ref _lastCall, Stopwatch.GetTimestamp());
        ThrowIfFaulted();
        if (!_queue.Writer.TryWrite(item))
        {
            WaitForRoom(item);
        }
    }

    private void WaitForRoom(object item)
    {
        try
        {
            _queue.Writer.WriteAsync(item).AsTask().GetAwaiter().GetResult();
        }
        catch (ChannelClosedException)
        {
            ThrowIfFaulted();
            throw;
        }
    }

    private void ThrowIfFaulted()
    {
        if (_fault is { } fault)
        {
            throw fault is AttemptFencedException fenced
                ? new AttemptFencedException(fenced.RunId, fenced.Attempt, fenced)
                : new DatabaseLostException(fault);
        }
    }

    private async Task StoreAsync()
    {
        var waiting = new List<TaskCompletionSource>();
        try
        {
            long number = 0;
            long stored = 0;
            while (await _queue.Reader.WaitToReadAsync())
            {
                // The first point after a pause goes at once, a stream of them every 100 ms.
                if (
                    FlushEvery - Stopwatch.GetElapsedTime(stored) is { Ticks: > 0 } rest
                    && stored != 0
                    && !_queue.Reader.Completion.IsCompleted
                )
                {
                    await Task.Delay(rest);
                }

                var batch = Take(number + 1, waiting);
                if (batch.Metrics.Count + batch.Pictures.Count + batch.Evaluations.Count + batch.Lines.Count > 0)
                {
                    number++;
                    await PostgresFaults.RetryAsync(() => _attempt.WriteAsync(batch), _patience, CancellationToken.None);
                }

                stored = Stopwatch.GetTimestamp();
                waiting.ForEach(w => w.TrySetResult());
                waiting.Clear();
            }
        }
        catch (Exception e)
        {
            _fault = e;
            _abandoned = true;
            _queue.Writer.TryComplete(e);
            Fail(waiting, e);
        }
    }

    private void Fail(List<TaskCompletionSource> waiting, Exception fault)
    {
        while (_queue.Reader.TryRead(out object? item))
        {
            if (item is TaskCompletionSource left)
            {
                waiting.Add(left);
            }
        }

        waiting.ForEach(w => w.TrySetException(fault is AttemptFencedException ? fault : new DatabaseLostException(fault)));
    }

    private JournalBatch Take(long number, List<TaskCompletionSource> waiting)
    {
        var (metrics, pictures) = (new List<MetricPoint>(), new List<PictureRecord>());
        var (evaluations, lines) = (new List<EvaluationRecord>(), new List<JournalLine>());
        while (_queue.Reader.TryRead(out object? item))
        {
            switch (item)
            {
                case MetricPoint[] points:
                    metrics.AddRange(points);
                    break;
                case PictureRecord picture:
                    pictures.Add(picture);
                    break;
                case EvaluationRecord evaluation:
                    evaluations.Add(evaluation);
                    break;
                case JournalLine line:
                    lines.Add(line);
                    break;
                case TaskCompletionSource done:
                    // What follows a flush waits for the next batch.
                    waiting.Add(done);
                    return new(number, metrics, pictures, evaluations, lines);
            }
        }

        return new(number, metrics, pictures, evaluations, lines);
    }
}
