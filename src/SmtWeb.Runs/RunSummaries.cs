using Microsoft.EntityFrameworkCore;
using SmtWeb.Runs.Model;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Runs;

/// <summary>Rows of the runs table, with their place in the queue.</summary>
internal static class RunSummaries
{
    public static async Task<IReadOnlyList<RunSummary>> ReadAsync(SmtWebDbContext context, IQueryable<RunRow> runs, CancellationToken ct)
    {
        var order = await QueueAsync(context, ct);
        var rows = await runs.Select(r => new RunSummary(
            r.Id, r.Name, r.Preset, r.Method, r.Data, r.State, r.StateReason, r.Priority, null, r.Iteration, r.TotalIterations, r.ImagesPerSecond,
            r.DistanceMetric, r.Distance, r.BestDistance, r.Created, r.Started, r.Ended, r.CreatedBy, r.Seconds, r.OwnerId)).ToListAsync(ct);
        return [.. rows.Select(r => order.IndexOf(r.Id) is >= 0 and var place ? r with { QueuePosition = place + 1 } : r)];
    }

    /// <summary>Ids of the waiting runs in the order in which they will be claimed: those that wait for a teacher come last.</summary>
    public static Task<List<long>> QueueAsync(SmtWebDbContext context, CancellationToken ct) => context.Runs
        .Where(r => r.State == RunState.Queued || r.State == RunState.Recovering)
        .OrderBy(Teachers.HoldsBack(context))
        .ThenByDescending(r => r.Priority).ThenBy(r => r.Id).Select(r => r.Id).ToListAsync(ct);
}
