using Npgsql;
using SmtWeb.Runs.Database;

namespace SmtWeb.Runs.Queue;

/// <summary>
/// Gives work that waits the job that it lacks, and takes jobs away that nothing waits for. There is nothing to do but after a
/// hand in the database, a crash of Hangfire in the middle of a job's end, or an update from a version without it.
/// </summary>
internal static class JobRepair
{
    /// <summary>Repairs everything; returns how many jobs were made and how many tickets and jobs taken away.</summary>
    public static async Task<(int Made, int Removed)> RunAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var transaction = await connection.BeginTransactionAsync(ct);
        int made = await RunsAsync(connection, ct) + await ItemsAsync(connection, ct) + await OrphansAsync(connection, ct);
        int removed = await connection.ExecuteAsync(
            $"DELETE FROM hangfire.jobqueue q WHERE (q.queue = ANY($1) OR q.queue LIKE ANY($2)) AND NOT {JobTable.IsOpen}",
            [JobQueues.Shared.ToArray(), JobQueues.OfNodes.Select(q => q + "%").ToArray()],
            ct
        );
        removed += await ClosedJobsAsync(connection, ct);
        await transaction.CommitAsync(ct);
        return (made, removed);
    }

    private static async Task<int> RunsAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        var without = new List<(long Id, string Name, long? Job)>();
        await using (
            var select = connection.Sql(
                $"SELECT id, name, job_id FROM runs student WHERE {Claimable.Waiting} AND NOT {Claimable.HasTicket} FOR NO KEY UPDATE "
                    + "SKIP LOCKED"
            )
        )
        await using (var reader = await select.ExecuteReaderAsync(ct))
        {
            while (await reader.ReadAsync(ct))
            {
                without.Add((reader.GetInt64(0), reader.GetString(1), reader.IsDBNull(2) ? null : reader.GetInt64(2)));
            }
        }

        foreach (var (id, name, job) in without)
        {
            await RunQueue.RejobAsync(connection, id, name, job, ct);
        }

        return without.Count;
    }

    private static async Task<int> ItemsAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        var without = new List<(string Queue, long Subject, long Job)>();
        await using (
            var select = connection.Sql(
                "SELECT queue, subject, job_id FROM work_items w WHERE NOT EXISTS (SELECT 1 FROM hangfire.jobqueue q WHERE q.jobid = "
                    + "w.job_id AND q.queue = w.queue) FOR NO KEY UPDATE SKIP LOCKED"
            )
        )
        await using (var reader = await select.ExecuteReaderAsync(ct))
        {
            while (await reader.ReadAsync(ct))
            {
                without.Add((reader.GetString(0), reader.GetInt64(1), reader.GetInt64(2)));
            }
        }

        foreach (var (queue, subject, job) in without)
        {
            await WorkItems.RejobAsync(connection, queue, subject, job, ct);
        }

        return without.Count;
    }

    // evaluations and data sets that wait without a work item: an older version queued them
    private static async Task<int> OrphansAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        var waiting = new List<(string Queue, long Subject, string What, long? Run)>();
        await using (
            var select = connection.Sql(
                """
                SELECT $1, j.id, j.protocol, j.run_id FROM evaluation_jobs j WHERE j.state IN ('Queued', 'Running')
                    AND NOT EXISTS (SELECT 1 FROM work_items w WHERE w.queue = $1 AND w.subject = j.id)
                UNION ALL
                SELECT $2, d.id, d.name, NULL FROM datasets d WHERE d.state IN ('Queued', 'Checking') AND NOT EXISTS (SELECT 1
                    FROM work_items w WHERE w.queue = $2 AND w.subject = d.id)
                """,
                JobQueues.Evaluations,
                JobQueues.Datasets
            )
        )
        await using (var reader = await select.ExecuteReaderAsync(ct))
        {
            while (await reader.ReadAsync(ct))
            {
                waiting.Add((reader.GetString(0), reader.GetInt64(1), reader.GetString(2), reader.IsDBNull(3) ? null : reader.GetInt64(3)));
            }
        }

        foreach (var (queue, subject, what, run) in waiting)
        {
            await WorkItems.AddAsync(connection, queue, subject, what, run, ct);
        }

        return waiting.Count;
    }

    // a job whose work has ended and whose own end Hangfire could not write down
    private static async Task<int> ClosedJobsAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        var closed = new List<long>();
        await using (
            var select = connection.Sql(
                $"""
                SELECT q.jobid FROM (SELECT j.id AS jobid FROM hangfire.job j JOIN hangfire.state s ON s.id = j.stateid
                    WHERE j.statename IN ('Enqueued', 'Processing') AND s.createdat < now() - interval '5 minutes'
                        AND j.invocationdata ->> 'Type' LIKE $1) q
                WHERE NOT {JobTable.IsOpen}
                """,
                typeof(JobRepair).Namespace + ".%"
            )
        )
        await using (var reader = await select.ExecuteReaderAsync(ct))
        {
            while (await reader.ReadAsync(ct))
            {
                closed.Add(reader.GetInt64(0));
            }
        }

        foreach (long job in closed)
        {
            await JobTable.WithdrawAsync(connection, job, "Its work is over.", ct);
        }

        return closed.Count;
    }
}
