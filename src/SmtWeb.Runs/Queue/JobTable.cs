using Hangfire.Common;
using Hangfire.States;
using Hangfire.Storage;
using Npgsql;
using NpgsqlTypes;
using SmtWeb.Runs.Database;

namespace SmtWeb.Runs.Queue;

/// <summary>
/// Hangfire's jobs, written in the transaction that queues the work: a run is never there without its job, nor a job without
/// its run. Hangfire's own client opens a transaction of its own, so the rows are written here as it writes them (a test
/// compares both); what they hold is serialised by Hangfire.
/// </summary>
internal static class JobTable
{
    /// <summary>SQL: whether the job in column <c>q.jobid</c> has work that is open.</summary>
    public const string IsOpen = """
        (EXISTS (SELECT 1 FROM runs r WHERE r.job_id = q.jobid AND r.state NOT IN ('Paused', 'Finished', 'Failed', 'Cancelled'))
            OR EXISTS (SELECT 1 FROM work_items w WHERE w.job_id = q.jobid))
        """;

    /// <summary>Writes a job into a queue; returns its id.</summary>
    public static async Task<long> EnqueueAsync(NpgsqlConnection connection, string queue, Job job, CancellationToken ct)
    {
        var call = InvocationData.SerializeJob(job);
        long id = await connection.ScalarAsync<long>(
            "INSERT INTO hangfire.job (invocationdata, arguments, createdat) VALUES ($1::jsonb, $2::jsonb, now()) RETURNING id",
            [SerializationHelper.Serialize(call), call.Arguments],
            ct
        );
        await PutAsync(connection, id, queue, null, ct);
        return id;
    }

    /// <summary>The same call again as a new job, where the old one can no longer be run; 0 where the old one is gone altogether.</summary>
    public static async Task<long> CopyAsync(NpgsqlConnection connection, long jobId, string queue, string reason, CancellationToken ct)
    {
        long id = await connection.ScalarAsync<long>(
            "INSERT INTO hangfire.job (invocationdata, arguments, createdat) SELECT invocationdata, arguments, now() FROM hangfire.job "
                + "WHERE id = $1 RETURNING id",
            [jobId],
            ct
        );
        if (id != 0)
        {
            await PutAsync(connection, id, queue, reason, ct);
            await connection.ExecuteAsync("DELETE FROM hangfire.jobqueue WHERE jobid = $1", [jobId], ct);
        }

        return id;
    }

    /// <summary>Takes a job out of its queue: what it was for is no longer wanted. Never a way to stop what runs.</summary>
    public static async Task WithdrawAsync(NpgsqlConnection connection, long? jobId, string reason, CancellationToken ct)
    {
        if (jobId is not { } id)
        {
            return;
        }

        await connection.ExecuteAsync("DELETE FROM hangfire.jobqueue WHERE jobid = $1", [id], ct);
        var state = new DeletedState { Reason = reason };
        await connection.ExecuteAsync(
            """
            WITH s AS (
                INSERT INTO hangfire.state (jobid, name, reason, createdat, data)
                SELECT id, $2, $3, now(), $4::jsonb FROM hangfire.job WHERE id = $1 AND statename IN ('Enqueued', 'Processing',
                    'Scheduled') RETURNING id)
            UPDATE hangfire.job j SET stateid = s.id, statename = $2, expireat = now() + interval '1 day' FROM s WHERE j.id = $1
            """,
            [id, state.Name, reason, SerializationHelper.Serialize(state.SerializeData())],
            ct
        );
    }

    /// <summary>
    /// The job was done with, as far as Hangfire is concerned. Its ticket goes, and all its tickets where the work is over;
    /// the last ticket of work that is still open stays, so that a job requeued by hand neither runs twice nor is lost.
    /// </summary>
    public static Task<int> ReturnTicketAsync(NpgsqlConnection connection, long ticket, long jobId, CancellationToken ct) =>
        connection.ExecuteAsync(
            $"""
            DELETE FROM hangfire.jobqueue q WHERE q.jobid = $2 AND (NOT {IsOpen}
                OR (q.id = $1 AND EXISTS (SELECT 1 FROM hangfire.jobqueue o WHERE o.jobid = q.jobid AND o.queue = q.queue
                    AND o.id <> q.id)))
            """,
            [ticket, jobId],
            ct
        );

    private static async Task PutAsync(NpgsqlConnection connection, long id, string queue, string? reason, CancellationToken ct)
    {
        var state = new EnqueuedState(queue);
        await connection.ExecuteAsync(
            """
            WITH s AS (INSERT INTO hangfire.state (jobid, name, reason, createdat, data) VALUES ($1, $2, $3, now(), $4::jsonb) RETURNING id)
            UPDATE hangfire.job j SET stateid = s.id, statename = $2 FROM s WHERE j.id = $1
            """,
            [
                id,
                state.Name,
                new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)reason ?? DBNull.Value },
                SerializationHelper.Serialize(state.SerializeData()),
            ],
            ct
        );
        await connection.ExecuteAsync("INSERT INTO hangfire.jobqueue (jobid, queue) VALUES ($1, $2)", [id, queue], ct);
        await connection.NotifyAsync(RunChannels.Queue, "", ct);
    }
}
