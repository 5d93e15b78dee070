using Hangfire.Server;
using Microsoft.Extensions.Logging;
using Npgsql;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Worker.Jobs;

/// <summary>Says that this worker is alive and what it has room for, and takes attempts without a sign of life for lost.</summary>
internal sealed partial class WorkerPresence(
    WorkerRegistry registry,
    RunQueue queue,
    LeaseJudge judge,
    JobServerOptions options,
    IEnumerable<JobSlot> slots,
    ILogger<WorkerPresence> logger
) : IBackgroundProcess
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);

    private readonly int _training = slots.Where(s => s.Queue == JobQueues.Training).Sum(s => s.Count);

    /// <summary>A new one for every process.</summary>
    public Guid Id { get; } = Guid.NewGuid();

    /// <summary>Hangfire's server calls it again whenever it returns.</summary>
    public void Execute(BackgroundProcessContext context)
    {
        if (_training > 0)
        {
            try
            {
                BeatAsync(context.StoppingToken).GetAwaiter().GetResult();
            }
            catch (NpgsqlException e)
            {
                judge.Lost();
                DatabaseAway(e.Message);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                BeatFailed(e);
            }
        }

        context.Wait(Every);
    }

    /// <summary>The worker says goodbye; without a database its entry grows old by itself.</summary>
    public async Task LeaveAsync()
    {
        try
        {
            await registry.LeaveAsync(Id);
        }
        catch (Exception e) when (e is NpgsqlException or ObjectDisposedException)
        {
            DatabaseAway(e.Message);
        }
    }

    private async Task BeatAsync(CancellationToken ct)
    {
        await registry.BeatAsync(Id, JobServerOptions.Worker, _training, ct);
        foreach (long run in judge.Trusts ? await queue.RecoverExpiredAsync(options.Lease, ct) : [])
        {
            Recovered(run);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The database does not answer ({Problem})")]
    private partial void DatabaseAway(string problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "The worker's sign of life failed")]
    private partial void BeatFailed(Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {RunId} was taken back from an attempt without a sign of life")]
    private partial void Recovered(long runId);
}
