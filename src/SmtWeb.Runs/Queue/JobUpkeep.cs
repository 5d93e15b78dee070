using SmtWeb.Runs.Database;
using SmtWeb.Runs.Generations;
using SmtWeb.Runs.Weights;

namespace SmtWeb.Runs.Queue;

/// <summary>Recurring housekeeping of the database. Every part may run twice or be cut short without harm.</summary>
public sealed class JobUpkeep(RunsDatabase database)
{
    /// <summary>Gives what waits the job that it lacks; says what was done.</summary>
    public async Task<string> RepairAsync(CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        var (made, removed) = await JobRepair.RunAsync(connection, ct);
        return made + removed == 0
            ? "Everything is in order."
            : $"{made} jobs made for work that had none, {removed} removed that nothing waited for.";
    }

    /// <summary>Removes what has had its time; says what was done.</summary>
    public async Task<string> ExpireAsync(CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        int workers = await connection.ExecuteAsync("DELETE FROM workers WHERE heartbeat < now() - interval '30 days'", [], ct);
        // Left by a trainer that was killed while it wrote, of a run that nobody has gone on with since.
        int checkpoints = await connection.ExecuteAsync(
            "DELETE FROM checkpoints c USING runs r WHERE r.id = c.run_id AND NOT c.complete AND c.at < now() - interval '1 day' AND "
                + "r.lease_until IS NULL",
            [],
            ct
        );
        // Of a node that will not come back: nobody else takes what is queued for its folder.
        int items = await connection.ExecuteAsync(
            """
            DELETE FROM work_items w USING hangfire.job j WHERE j.id = w.job_id AND w.queue LIKE ANY($1)
                AND j.createdat < now() - interval '7 days'
                AND (w.lease_until IS NULL OR w.lease_until < now())
            """,
            [JobQueues.OfNodes.Select(q => q + "%").ToArray()],
            ct
        );
        int imports = await ModelImports.ExpireAsync(connection, ct);
        int batches = await GenerationBatches.ExpireAsync(connection, ct);
        // Hangfire keeps failed jobs for ever.
        int jobs = await connection.ExecuteAsync(
            "UPDATE hangfire.job SET expireat = now() WHERE statename = 'Failed' AND expireat IS NULL AND createdat < now() - interval "
                + "'30 days'",
            [],
            ct
        );
        return $"Removed: {workers} workers not seen for 30 days, {checkpoints} unfinished checkpoints, {items} indexes and imports queued "
            + $"for nodes that are gone, {imports} imports of more than 30 days ago, {batches} batches of images, {jobs} failed jobs of "
            + "more than 30 days ago.";
    }
}
