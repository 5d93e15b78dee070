using System.Data;
using System.Diagnostics;
using Hangfire.PostgreSql;
using Hangfire.Storage;
using Microsoft.Extensions.Logging;
using Npgsql;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Worker.Jobs;

/// <summary>
/// Hangfire's queues whose next job is chosen by our own tables: by priority, age, teachers and leases, with the attempt number
/// given in the same transaction (<see cref="RunQueue"/>, <see cref="WorkItems"/>). Enqueueing and the pages' reading are
/// Hangfire's own.
/// </summary>
internal sealed partial class LeasedJobQueue(
    RunQueue runs,
    WorkItems items,
    JobTickets tickets,
    JobSlots slots,
    JobClaims claims,
    QueueBell bell,
    LeaseJudge judge,
    WorkerPresence presence,
    JobServerOptions options,
    ILogger<LeasedJobQueue> logger
) : IPersistentJobQueue, IPersistentJobQueueProvider
{
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(2),
        Away = TimeSpan.FromMilliseconds(500),
        Fault = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _turn = new(1);
    private IPersistentJobQueueProvider? _stock;
    private long _lookedAfter = -1;
    private long _looked;

    /// <summary>Hangfire's own provider, for all but the choice.</summary>
    public void Use(IPersistentJobQueueProvider stock) => _stock = stock;

    public IPersistentJobQueue GetJobQueue() => this;

    public IPersistentJobQueueMonitoringApi GetJobQueueMonitoringApi() => new Monitoring(Stock.GetJobQueueMonitoringApi());

    private IPersistentJobQueueProvider Stock => _stock ?? throw new InvalidOperationException("The queue has no storage yet.");

    public void Enqueue(IDbConnection connection, string queue, string jobId)
    {
        Stock.GetJobQueue().Enqueue(connection, queue, jobId);
        using var notify = connection.CreateCommand();
        notify.CommandText = "NOTIFY " + RunChannels.Queue;
        notify.ExecuteNonQuery();
    }

    /// <summary>
    /// Waits for a job. Whatever goes wrong is waited out here: a fault that reaches Hangfire makes it wait for minutes. One
    /// thread looks at a time, and what it looked for in vain is not looked for again before there is news or a poll is due.
    /// </summary>
    public IFetchedJob Dequeue(string[] queues, CancellationToken ct)
    {
        while (true)
        {
            ct.ThrowIfCancellationRequested();
            long heard = bell.Rung;
            var wait = Poll;
            _turn.Wait(ct);
            try
            {
                if (heard != _lookedAfter || Stopwatch.GetElapsedTime(_looked) >= Poll)
                {
                    if (Draw() is { } job)
                    {
                        return job;
                    }

                    (_lookedAfter, _looked) = (heard, Stopwatch.GetTimestamp());
                }
            }
            catch (NpgsqlException e)
            {
                judge.Lost();
                wait = Away;
                DatabaseAway(e.Message);
            }
            catch (Exception e)
            {
                wait = Fault;
                DrawFailed(e, Fault.TotalSeconds);
            }
            finally
            {
                _turn.Release();
            }

            bell.Wait(heard, wait, ct);
        }
    }

    /// <summary>Hangfire is done with a job.</summary>
    public void DoneWith(DrawnJob job)
    {
        try
        {
            if (!job.Performed)
            {
                Refused(job.JobId);
                tickets.RejobAsync(job.Work).GetAwaiter().GetResult();
            }

            tickets.ReturnAsync(job.Work).GetAwaiter().GetResult();
        }
        catch (Exception e)
        {
            // Housekeeping takes the ticket away; the lease of work that was not begun runs out.
            TicketLeft(e, job.JobId);
        }
    }

    public void Free(DrawnJob job)
    {
        claims.Forget(job);
        slots.Return(job.Work.Queue);
        bell.Ring();
    }

    // Not to be cut short: a claim that was committed and not heard of would keep its run waiting for the lease.
    private DrawnJob? Draw()
    {
        var free = slots.Free();
        ClaimedWork? work = free.Remove(JobQueues.Training)
            ? runs.ClaimAsync(presence.Id, JobServerOptions.Worker, options.Lease).GetAwaiter().GetResult()
            : null;
        work ??=
            free.Count > 0 ? items.ClaimAsync(free, JobServerOptions.Worker, options.Lease, judge.Trusts).GetAwaiter().GetResult() : null;
        if (work is null)
        {
            return null;
        }

        var job = new DrawnJob(work, this);
        slots.Take(work.Queue);
        claims.Put(job);
        return job;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The database does not answer ({Problem}); trying again")]
    private partial void DatabaseAway(string problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "A look into the queue failed; trying again in {Seconds} s")]
    private partial void DrawFailed(Exception exception, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Hangfire does not run job {JobId} any more; its work gets a new one")]
    private partial void Refused(string jobId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The ticket of job {JobId} was left in the queue")]
    private partial void TicketLeft(Exception exception, string jobId);

    // Hangfire's own provider lists all queues, these too.
    private sealed class Monitoring(IPersistentJobQueueMonitoringApi stock) : IPersistentJobQueueMonitoringApi
    {
        public IEnumerable<string> GetQueues() => [];

        public IEnumerable<long> GetEnqueuedJobIds(string queue, int from, int perPage) => stock.GetEnqueuedJobIds(queue, from, perPage);

        public IEnumerable<long> GetFetchedJobIds(string queue, int from, int perPage) => stock.GetFetchedJobIds(queue, from, perPage);

        public EnqueuedAndFetchedCountDto GetEnqueuedAndFetchedCount(string queue) => stock.GetEnqueuedAndFetchedCount(queue);
    }
}
