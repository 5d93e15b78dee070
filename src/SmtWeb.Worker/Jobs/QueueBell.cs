using Hangfire.Server;
using Microsoft.Extensions.Logging;
using SmtWeb.Runs.Database;

namespace SmtWeb.Worker.Jobs;

/// <summary>
/// Wakes those who wait for work when the database says that the queue has changed; a slow poll behind it finds what a lost
/// notification left. One connection listens for the whole node.
/// </summary>
internal sealed partial class QueueBell(RunsDatabase database, ILogger<QueueBell> logger) : IBackgroundProcess
{
    private readonly object _gate = new();
    private long _rung;

    /// <summary>How often it rang.</summary>
    public long Rung
    {
        get
        {
            lock (_gate)
            {
                return _rung;
            }
        }
    }

    public void Ring()
    {
        lock (_gate)
        {
            _rung++;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits until it has rung more often than <paramref name="heard"/>, for at most <paramref name="time"/>.</summary>
    public void Wait(long heard, TimeSpan time, CancellationToken ct)
    {
        using var wake = ct.UnsafeRegister(static bell => ((QueueBell)bell!).Ring(), this);
        long end = Environment.TickCount64 + (long)time.TotalMilliseconds;
        lock (_gate)
        {
            while (_rung == heard && !ct.IsCancellationRequested && end - Environment.TickCount64 is > 0 and var left)
            {
                Monitor.Wait(_gate, TimeSpan.FromMilliseconds(left));
            }
        }
    }

    /// <summary>Hangfire's server calls it again whenever it returns.</summary>
    public void Execute(BackgroundProcessContext context)
    {
        try
        {
            new DatabaseListener(database.Source, RunChannels.Queue)
                .RunAsync(_ => Ring(), Ring, context.StoppingToken)
                .GetAwaiter()
                .GetResult();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            ListeningFailed(e);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Notifications of the queue are not heard for a while; it is polled meanwhile")]
    private partial void ListeningFailed(Exception exception);
}
