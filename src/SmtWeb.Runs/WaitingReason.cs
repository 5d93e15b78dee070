using Microsoft.EntityFrameworkCore;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Runs;

/// <summary>Says in a sentence why a run waits, by the same conditions that its claim asks (<see cref="Claimable"/>).</summary>
internal static class WaitingReason
{
    public static async Task<string> ExplainAsync(SmtWebDbContext context, RunSummary run, DateTimeOffset? notBefore, CancellationToken ct)
    {
        var now = DateTimeOffset.UtcNow;
        var alive = await context
            .Workers.AsNoTracking()
            .Where(w => w.Ended == null && w.Heartbeat > now - WorkerRegistry.Silence)
            .ToListAsync(ct);
        var queue = await RunSummaries.QueueAsync(context, ct);
        string place = $"Position {run.QueuePosition} of {queue.Count}: ";
        if (queue.FirstOrDefault(w => w.Id == run.Id) is not { } asked)
        {
            return place + "it has just been taken.";
        }

        if (!asked.Taught)
        {
            return place + await Teachers.SentenceAsync(context, run.Id, ct) + (alive.Count == 0 ? " No worker is alive." : "");
        }

        if (alive.Count == 0)
        {
            var last = await context.Workers.AsNoTracking().OrderByDescending(w => w.Heartbeat).FirstOrDefaultAsync(ct);
            return place
                + "no worker is alive. "
                + (
                    last is null
                        ? "None was ever started on this database."
                        : $"The last one, {last.Name}, was seen {Ago(now - last.Heartbeat)} ago."
                )
                + " Start one with: smtweb serve --role worker";
        }

        if (!asked.HasTicket)
        {
            return place + "its job is missing from the queue; housekeeping queues it again within a minute.";
        }

        if (!asked.Due)
        {
            return place
                + $"the next attempt starts in {Math.Max(1, Math.Ceiling(((notBefore ?? now) - now).TotalSeconds)):0} s, after the "
                + "last one was lost.";
        }

        var busy = await context
            .Runs.Where(r => r.State == RunState.Starting || r.State == RunState.Running || r.State == RunState.Stopping)
            .OrderBy(r => r.Id)
            .Select(r => new { r.Id, r.Name })
            .ToListAsync(ct);
        if (busy.Count < alive.Sum(w => w.Slots))
        {
            return place + (run.QueuePosition == 1 ? "a worker is about to take it." : "the runs before it go first.");
        }

        string with =
            string.Join(", ", busy.Take(3).Select(b => $"run {b.Id} ({b.Name})")) + (busy.Count > 3 ? $" and {busy.Count - 3} more" : "");
        return place
            + (alive.Count == 1 ? $"the worker {alive[0].Name} is busy with {with}." : $"all {alive.Count} workers are busy with {with}.");
    }

    private static string Ago(TimeSpan time) =>
        time.TotalHours >= 1 ? $"{time.TotalHours:0.#} h"
        : time.TotalMinutes >= 1 ? $"{time.TotalMinutes:0} min"
        : $"{time.TotalSeconds:0} s";
}
