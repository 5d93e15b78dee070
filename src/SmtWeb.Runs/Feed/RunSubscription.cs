using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace SmtWeb.Runs.Feed;

/// <summary>
/// One subscriber. Messages go through a bounded queue, so that a slow page never holds up the others; a page that falls
/// behind by more than the queue is told to reload its curves instead of getting each point.
/// </summary>
internal sealed partial class RunSubscription : IAsyncDisposable
{
    private const int Backlog = 2048;

    private static readonly AsyncLocal<bool> InHandler = new();

    private readonly Channel<RunMessage> _queue = Channel.CreateBounded<RunMessage>(
        new BoundedChannelOptions(Backlog) { SingleReader = true }
    );
    private readonly Func<RunMessage, Task> _handler;
    private readonly Action<RunSubscription> _ended;
    private readonly ILogger _logger;
    private readonly Task _pump;
    private int _overflowed;
    private volatile bool _disposed;

    public RunSubscription(long? runId, Func<RunMessage, Task> handler, Action<RunSubscription> ended, ILogger logger)
    {
        (RunId, _handler, _ended, _logger) = (runId, handler, ended, logger);
        _pump = Task.Run(PumpAsync);
    }

    public long? RunId { get; }

    public void Post(RunMessage message)
    {
        if (!_queue.Writer.TryWrite(message))
        {
            Interlocked.Exchange(ref _overflowed, 1);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _disposed = true;
        _ended(this);
        _queue.Writer.TryComplete();
        // A handler may dispose its own subscription; waiting for itself would never end.
        if (!InHandler.Value)
        {
            await _pump.ConfigureAwait(false);
        }
    }

    private async Task PumpAsync()
    {
        InHandler.Value = true;
        try
        {
            await foreach (var message in _queue.Reader.ReadAllAsync())
            {
                if (_disposed)
                {
                    return;
                }

                await _handler(message);
                if (Interlocked.Exchange(ref _overflowed, 0) == 1)
                {
                    await CatchUpAsync(message);
                }
            }
        }
        catch (Exception e)
        {
            // The handler belongs to a page or a connection that is gone or broken: no other subscriber may suffer from it.
            HandlerFailed(e, RunId);
            _queue.Writer.TryComplete();
            _ended(this);
        }
    }

    private async Task CatchUpAsync(RunMessage last)
    {
        while (_queue.Reader.TryRead(out var skipped))
        {
            last = skipped;
        }

        if (RunId is { } run)
        {
            await _handler(new CurvesRewoundMessage(run, 0));
        }

        await _handler(last);
    }

    [LoggerMessage(Level = Microsoft.Extensions.Logging.LogLevel.Warning, Message = "A subscriber of run {RunId} failed and was dropped")]
    private partial void HandlerFailed(Exception exception, long? runId);
}
