using Npgsql;
using SmtWeb.Runs.Database;

namespace SmtWeb.Runs.Queue;

/// <summary>
/// The leases of all work other than training, whatever its kind: one row while it waits or runs, one attempt number that every
/// write is checked against. A worker that dies is seen by its lease, and the work goes on with the next one.
/// </summary>
public sealed class WorkItems(RunsDatabase database)
{
    /// <summary>Attempts lost before work is given up.</summary>
    public const int MostAttempts = 3;

    private const string Mine = "queue = $1 AND subject = $2 AND attempt = $3";

    /// <summary>
    /// Claims the oldest work of <paramref name="queues"/>, that of higher runs first, or returns null. Where
    /// <paramref name="judge"/> is false nothing is taken for lost: this worker has just been without the database itself.
    /// </summary>
    public async Task<ClaimedItem?> ClaimAsync(
        IReadOnlyCollection<string> queues,
        string worker,
        TimeSpan lease,
        bool judge = true,
        CancellationToken ct = default
    )
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var claim = connection.Sql(
            $"""
            WITH next AS (
                SELECT w.id, q.id AS ticket FROM work_items w JOIN hangfire.jobqueue q ON q.jobid = w.job_id AND q.queue = w.queue LEFT
                    JOIN runs r ON r.id = w.run_id
                WHERE w.queue = ANY($1) AND (w.lease_until IS NULL OR (w.lease_until < now() AND $4 AND {Claimable.ServerIsUpFor("$3")}))
                ORDER BY coalesce(r.priority, 0) DESC, w.id, q.id LIMIT 1 FOR NO KEY UPDATE OF w SKIP LOCKED),
            drawn AS (UPDATE hangfire.jobqueue q SET fetchedat = now() FROM next WHERE q.id = next.ticket)
            UPDATE work_items w SET attempt = attempt + 1, losses = losses + CASE WHEN lease_until IS NULL THEN 0 ELSE 1 END,
                lease_until = now() + $3, worker = $2
            FROM next WHERE w.id = next.id RETURNING w.queue, w.subject, w.attempt, w.losses, w.job_id, next.ticket
            """,
            queues.ToArray(),
            worker,
            lease,
            judge
        );
        await using var reader = await claim.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct)
            ? new(reader.GetString(0), reader.GetInt64(1), reader.GetInt32(2), reader.GetInt32(3), reader.GetInt64(4), reader.GetInt64(5))
            : null;
    }

    /// <summary>Renews the lease; false where the attempt no longer owns the work.</summary>
    public async Task<bool> RenewAsync(ClaimedItem item, TimeSpan lease, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await connection.ExecuteAsync(
                $"UPDATE work_items SET lease_until = now() + $4 WHERE {Mine} AND lease_until IS NOT NULL",
                [.. Key(item), lease],
                ct
            ) == 1;
    }

    /// <summary>Queues work that has no state of its own, unless it is queued already.</summary>
    public async Task QueueAsync(string queue, long subject, string what, long? runId, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        // whoever comes second waits for the first and then finds its row
        await connection.ExecuteAsync("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))", [queue, subject], ct);
        if (
            !await connection.ScalarAsync<bool>(
                "SELECT EXISTS (SELECT 1 FROM work_items WHERE queue = $1 AND subject = $2)",
                [queue, subject],
                ct
            )
        )
        {
            await AddAsync(connection, queue, subject, what, runId, ct);
        }

        await transaction.CommitAsync(ct);
    }

    /// <summary>Work without a state of its own is over; without effect where the attempt no longer owns it.</summary>
    public async Task EndAsync(ClaimedItem item, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await connection.ExecuteAsync($"DELETE FROM work_items WHERE {Mine}", Key(item), ct);
    }

    /// <summary>Gives work without a state of its own back, to be taken up again; false where the attempt no longer owns it.</summary>
    public async Task<bool> ReleaseAsync(ClaimedItem item, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await LetGoAsync(connection, item.Queue, item.Subject, item.Attempt, counts: false, ct) is not null;
    }

    /// <summary>The job of claimed work cannot be run any more: the same work as a new job.</summary>
    internal async Task RejobAsync(ClaimedItem item, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (await LetGoAsync(connection, item.Queue, item.Subject, item.Attempt, counts: false, ct) is not null)
        {
            await RejobAsync(connection, item.Queue, item.Subject, item.JobId, ct);
        }

        await transaction.CommitAsync(ct);
    }

    internal static async Task RejobAsync(NpgsqlConnection connection, string queue, long subject, long jobId, CancellationToken ct)
    {
        long job = await JobTable.CopyAsync(connection, jobId, queue, "The job before it could not be run any more.", ct);
        job = job != 0 ? job : await JobTable.EnqueueAsync(connection, queue, JobQueues.Do(queue, subject, "taken up again"), ct);
        await connection.ExecuteAsync("UPDATE work_items SET job_id = $3 WHERE queue = $1 AND subject = $2", [queue, subject, job], ct);
    }

    /// <summary>Queues work, in the transaction that makes its subject.</summary>
    internal static async Task AddAsync(
        NpgsqlConnection connection,
        string queue,
        long subject,
        string what,
        long? runId,
        CancellationToken ct
    )
    {
        long job = await JobTable.EnqueueAsync(connection, queue, JobQueues.Do(queue, subject, what), ct);
        await connection.ExecuteAsync(
            "INSERT INTO work_items (queue, subject, job_id, run_id, attempt, losses) VALUES ($1, $2, $3, $4, 0, 0)",
            [
                queue,
                subject,
                job,
                new NpgsqlParameter { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Bigint, Value = (object?)runId ?? DBNull.Value },
            ],
            ct
        );
    }

    /// <summary>
    /// Locks the work for the rest of the transaction; false where the attempt no longer owns it. Every write of an attempt
    /// begins with this, so that a claim cannot slip in between the check and the write.
    /// </summary>
    internal static Task<bool> HoldAsync(NpgsqlConnection connection, string queue, long subject, int attempt, CancellationToken ct) =>
        connection.ScalarAsync<bool>(
            $"SELECT true FROM work_items WHERE {Mine} AND lease_until IS NOT NULL FOR NO KEY UPDATE",
            [queue, subject, attempt],
            ct
        );

    /// <summary>The work is over; the caller holds it.</summary>
    internal static Task<int> EndAsync(NpgsqlConnection connection, string queue, long subject, CancellationToken ct) =>
        connection.ExecuteAsync("DELETE FROM work_items WHERE queue = $1 AND subject = $2", [queue, subject], ct);

    /// <summary>Nobody wants the work any more: whoever does it finds that out with the next renewal.</summary>
    internal static async Task WithdrawAsync(NpgsqlConnection connection, string queue, long subject, string reason, CancellationToken ct)
    {
        long? job = await connection.ScalarAsync<long?>(
            "DELETE FROM work_items WHERE queue = $1 AND subject = $2 RETURNING job_id",
            [queue, subject],
            ct
        );
        await JobTable.WithdrawAsync(connection, job, reason, ct);
    }

    /// <summary>
    /// The attempt leaves the work waiting; returns how many attempts were lost, or null where it was not this attempt's.
    /// </summary>
    internal static async Task<int?> LetGoAsync(
        NpgsqlConnection connection,
        string queue,
        long subject,
        int attempt,
        bool counts,
        CancellationToken ct
    )
    {
        int? losses = await connection.ScalarAsync<int?>(
            $"UPDATE work_items SET lease_until = NULL, worker = NULL, losses = losses + $4 WHERE {Mine} AND lease_until IS NOT NULL "
                + "RETURNING losses",
            [queue, subject, attempt, counts ? 1 : 0],
            ct
        );
        await connection.NotifyAsync(RunChannels.Queue, "", ct);
        return losses;
    }

    private static object?[] Key(ClaimedItem item) => [item.Queue, item.Subject, item.Attempt];
}
