using SmtWeb.Runs.Database;

namespace SmtWeb.Runs.Queue;

/// <summary>What a worker does with a ticket that it drew, when Hangfire is done with it.</summary>
public sealed class JobTickets(RunsDatabase database, RunQueue runs, WorkItems items)
{
    /// <summary>The job is over for Hangfire: its ticket goes, unless it is the last one of work that is still open.</summary>
    public async Task ReturnAsync(ClaimedWork work, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await JobTable.ReturnTicketAsync(connection, work.Ticket, work.JobId, ct);
    }

    /// <summary>Hangfire would not run the job: the work waits again, with a new one.</summary>
    public Task RejobAsync(ClaimedWork work, CancellationToken ct = default) =>
        work switch
        {
            ClaimedRun run => runs.RejobAsync(run, ct),
            ClaimedItem item => items.RejobAsync(item, ct),
            _ => throw new ArgumentException($"Nobody claims {work.GetType().Name}.", nameof(work)),
        };
}
