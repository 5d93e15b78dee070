using Microsoft.EntityFrameworkCore;
using Npgsql;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Runs;

/// <summary>
/// A waiting run, with what its claim asks: whether it is due, whether its teacher is finished, whether its job is in the queue.
/// </summary>
internal sealed record WaitingRun(long Id, bool Due, bool Taught, bool HasTicket);

/// <summary>Rows of the runs table, with their place in the queue.</summary>
internal static class RunSummaries
{
    public static async Task<IReadOnlyList<RunSummary>> ReadAsync(SmtWebDbContext context, IQueryable<RunRow> runs, CancellationToken ct)
    {
        var order = (await QueueAsync(context, ct)).Select((w, place) => (w.Id, place)).ToDictionary(w => w.Id, w => w.place + 1);
        var rows = await runs.Select(r => new RunSummary(
                r.Id,
                r.Name,
                r.Preset,
                r.Method,
                r.Data,
                r.State,
                r.StateReason,
                r.Priority,
                null,
                r.Iteration,
                r.TotalIterations,
                r.ImagesPerSecond,
                r.DistanceMetric,
                r.Distance,
                r.BestDistance,
                r.Created,
                r.Started,
                r.Ended,
                r.CreatedBy,
                r.Seconds,
                r.OwnerId
            )
            {
                ParentRunId = r.ParentRunId,
                ForkedAt = r.ForkedAt,
                FirstBadIteration = r.FirstBadIteration,
            })
            .ToListAsync(ct);
        return [.. rows.Select(r => order.TryGetValue(r.Id, out var place) ? r with { QueuePosition = place } : r)];
    }

    /// <summary>The waiting runs in the order in which they will be claimed: those that wait for a teacher come last.</summary>
    public static async Task<IReadOnlyList<WaitingRun>> QueueAsync(SmtWebDbContext context, CancellationToken ct)
    {
        var connection = (NpgsqlConnection)context.Database.GetDbConnection();
        await context.Database.OpenConnectionAsync(ct);
        try
        {
            await using var select = connection.Sql(
                $"""
                SELECT student.id, {Claimable.Due}, {Claimable.Taught} AS taught, {Claimable.HasTicket} FROM runs student
                WHERE {Claimable.Waiting} ORDER BY NOT ({Claimable.Taught}), {Claimable.Order}
                """
            );
            await using var reader = await select.ExecuteReaderAsync(ct);
            var waiting = new List<WaitingRun>();
            while (await reader.ReadAsync(ct))
            {
                waiting.Add(new(reader.GetInt64(0), reader.GetBoolean(1), reader.GetBoolean(2), reader.GetBoolean(3)));
            }

            return waiting;
        }
        finally
        {
            await context.Database.CloseConnectionAsync();
        }
    }
}
