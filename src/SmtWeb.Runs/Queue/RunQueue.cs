using Npgsql;
using NpgsqlTypes;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Database;
using SmtWeb.Smt.Session;

namespace SmtWeb.Runs.Queue;

/// <summary>
/// The next run of Hangfire's queue <see cref="JobQueues.Training"/>: strict priority, then age, passing over distillations whose
/// teacher still trains (<see cref="Claimable"/>). A claim gives the run a new attempt number; whatever an older attempt still
/// sends is refused from that moment on.
/// </summary>
public sealed class RunQueue(RunsDatabase database)
{
    /// <summary>Attempts lost in a row without a new checkpoint before a run is given up.</summary>
    public const int MostFruitlessAttempts = 3;

    private const string Held = "('Starting', 'Running', 'Stopping')";

    /// <summary>
    /// Claims the first waiting run, or returns null. The transaction that begins the attempt also takes the points,
    /// pictures and evaluations after its checkpoint off the curve, so that no reader ever sees two curves.
    /// </summary>
    public async Task<ClaimedRun?> ClaimAsync(Guid workerId, string workerName, TimeSpan lease, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        var claim = await TakeAsync(connection, workerId, lease, ct);
        if (claim is null)
        {
            return null;
        }

        var (runId, attempt, name, threads, job, ticket) = claim.Value;
        var from = await NewestCheckpointAsync(connection, runId, ct);
        await connection.ExecuteAsync(
            "INSERT INTO attempts (run_id, number, worker, started, from_checkpoint_id, first_iteration, last_batch) VALUES ($1, $2, "
                + "$3, now(), $4, $5, 0)",
            [
                runId,
                attempt,
                workerName,
                new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Bigint, Value = (object?)from?.Id ?? DBNull.Value },
                from?.Iteration ?? 0,
            ],
            ct
        );
        await connection.ExecuteAsync("DELETE FROM checkpoints WHERE run_id = $1 AND NOT complete", [runId], ct);
        if (attempt > 1)
        {
            // Without a checkpoint everything goes, the point of iteration 0 included.
            await RewindAsync(connection, runId, from?.Iteration ?? -1, from?.Seconds ?? 0, ct);
        }

        string where =
            from is { } c ? $"from the checkpoint of iteration {c.Iteration:N0}"
            : attempt > 1 ? "from the start (no checkpoint yet)"
            : "from the start";
        await RunEvents.WriteAsync(
            connection,
            runId,
            attempt,
            LogLevel.Information,
            $"Attempt {attempt} starts on {workerName}, {where}.",
            RunState.Starting,
            ct
        );
        await transaction.CommitAsync(ct);
        return new(runId, attempt, name, from?.Iteration ?? 0, threads, job, ticket);

        static async Task<(long Id, long Iteration, double Seconds)?> NewestCheckpointAsync(
            NpgsqlConnection connection,
            long runId,
            CancellationToken ct
        )
        {
            await using var select = connection.Sql(
                "SELECT id, iteration, seconds FROM checkpoints WHERE run_id = $1 AND complete AND NOT damaged ORDER BY iteration "
                    + "DESC, id DESC LIMIT 1",
                runId
            );
            await using var reader = await select.ExecuteReaderAsync(ct);
            return await reader.ReadAsync(ct) ? (reader.GetInt64(0), reader.GetInt64(1), reader.GetDouble(2)) : null;
        }
    }

    /// <summary>
    /// Takes every attempt whose lease ran out for lost, once the server has been up for <paramref name="lease"/>; returns the
    /// runs it gave back.
    /// </summary>
    public async Task<IReadOnlyList<long>> RecoverExpiredAsync(TimeSpan lease, CancellationToken ct = default)
    {
        var expired = new List<(long Run, int Attempt)>();
        await using (var connection = await database.Source.OpenConnectionAsync(ct))
        await using (
            var select = connection.Sql(
                $"SELECT id, attempt FROM runs WHERE lease_until < now() AND state IN {Held} AND {Claimable.ServerIsUpFor("$1")}",
                lease
            )
        )
        await using (var reader = await select.ExecuteReaderAsync(ct))
        {
            while (await reader.ReadAsync(ct))
            {
                expired.Add((reader.GetInt64(0), reader.GetInt32(1)));
            }
        }

        var recovered = new List<long>();
        foreach (var (run, attempt) in expired)
        {
            if (await LoseAsync(run, attempt, "no sign of life from its trainer", onlyExpired: true, ct))
            {
                recovered.Add(run);
            }
        }

        return recovered;
    }

    /// <summary>
    /// The supervisor saw the trainer end without giving the run back; <paramref name="output"/> is the last that it said.
    /// False where the attempt no longer held the run.
    /// </summary>
    public Task<bool> ReportLostAsync(long runId, int attempt, string reason, string output = "", CancellationToken ct = default) =>
        LoseAsync(runId, attempt, reason, onlyExpired: false, ct, output);

    /// <summary>Whether an attempt still owns its run.</summary>
    public async Task<bool> IsHeldAsync(long runId, int attempt, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await connection.ScalarAsync<bool>(
            $"SELECT EXISTS (SELECT 1 FROM runs WHERE id = $1 AND attempt = $2 AND state IN {Held})",
            [runId, attempt],
            ct
        );
    }

    /// <summary>The trainer leaves for a reason that is not its run's: pages show it until the run is back in the queue.</summary>
    public async Task ShowLeavingAsync(long runId, int attempt, string reason, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        // A pause or stop that the user asked for goes first: the trainer leaves a checkpoint all the same.
        int changed = await connection.ExecuteAsync(
            "UPDATE runs SET state = 'Stopping', request = 'Release', state_reason = $3 WHERE id = $1 AND attempt = $2 AND state IN "
                + $"{Held} AND request = 'None'",
            [runId, attempt, reason],
            ct
        );
        if (changed == 1)
        {
            await RunEvents.WriteAsync(connection, runId, attempt, LogLevel.Information, $"Stopping: {reason}", RunState.Stopping, ct);
        }

        await transaction.CommitAsync(ct);
    }

    /// <summary>
    /// Hangfire will not run the job of a claimed run (somebody changed its state by hand, or a storm of faults did): the run
    /// waits again, with a new job.
    /// </summary>
    internal async Task RejobAsync(ClaimedRun run, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (
            await connection.ScalarAsync<bool>(
                $"SELECT true FROM runs WHERE id = $1 AND attempt = $2 AND state IN {Held} FOR NO KEY UPDATE",
                [run.RunId, run.Attempt],
                ct
            )
        )
        {
            var (state, request) = await RunRelease.ReadAsync(connection, run.RunId, ct);
            await RunRelease.ApplyAsync(
                connection,
                run.RunId,
                run.Attempt,
                RunTransitions.AfterLoss(state, request),
                "its job was no longer to be run; it has a new one",
                ct
            );
            await RejobAsync(connection, run.RunId, run.Name, run.JobId, ct);
        }

        await transaction.CommitAsync(ct);
    }

    /// <summary>Gives a waiting run a job where it has none that can be drawn. The caller holds its row.</summary>
    internal static async Task RejobAsync(NpgsqlConnection connection, long runId, string name, long? before, CancellationToken ct)
    {
        if (before is { } old)
        {
            await JobTable.WithdrawAsync(connection, old, "The run has a new job.", ct);
        }
        long job = await JobTable.EnqueueAsync(connection, JobQueues.Training, JobQueues.Train(runId, name), ct);
        await connection.ExecuteAsync("UPDATE runs SET job_id = $2 WHERE id = $1", [runId, job], ct);
    }

    private static async Task<(long Run, int Attempt, string Name, int Threads, long Job, long Ticket)?> TakeAsync(
        NpgsqlConnection connection,
        Guid workerId,
        TimeSpan lease,
        CancellationToken ct
    )
    {
        // one statement: the choice, the mark in Hangfire's queue, and the attempt number
        await using var claim = connection.Sql(
            $$"""
            WITH next AS (
                SELECT student.id, q.id AS ticket FROM runs student JOIN hangfire.jobqueue q ON q.jobid = student.job_id
                    AND q.queue = '{{JobQueues.Training}}'
                WHERE {{Claimable.Waiting}} AND {{Claimable.Due}} AND {{Claimable.Taught}}
                ORDER BY {{Claimable.Order}}, q.id LIMIT 1 FOR NO KEY UPDATE OF student SKIP LOCKED),
            drawn AS (UPDATE hangfire.jobqueue q SET fetchedat = now() FROM next WHERE q.id = next.ticket)
            UPDATE runs SET state = 'Starting', state_reason = NULL, request = 'None', attempt = attempt + 1, worker_id = $1,
                lease_until = now() + $2, heartbeat = now(), not_before = NULL, started = coalesce(started, now()), ended = NULL
            FROM next WHERE runs.id = next.id
            RETURNING runs.id, runs.attempt, runs.name, coalesce((runs.spec #>> '{hardware,threads}')::int, 0), runs.job_id, next.ticket
            """,
            workerId,
            lease
        );
        await using var reader = await claim.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct)
            ? (reader.GetInt64(0), reader.GetInt32(1), reader.GetString(2), reader.GetInt32(3), reader.GetInt64(4), reader.GetInt64(5))
            : null;
    }

    private static async Task RewindAsync(NpgsqlConnection connection, long runId, long iteration, double seconds, CancellationToken ct)
    {
        int hidden = 0;
        foreach (string table in (string[])["metrics", "pictures", "evaluations"])
        {
            hidden += await connection.ExecuteAsync(
                $"UPDATE {table} SET superseded = true WHERE run_id = $1 AND iteration > $2 AND NOT superseded",
                [runId, iteration],
                ct
            );
        }

        await connection.ExecuteAsync(
            """
            UPDATE runs SET iteration = greatest($2, 0), seconds = $3,
                distance = (SELECT value FROM evaluations WHERE run_id = $1 AND ranks AND NOT superseded ORDER BY id DESC LIMIT 1)
            WHERE id = $1
            """,
            [runId, iteration, seconds],
            ct
        );
        await BestDistance.UpdateAsync(connection, runId, ct);
        if (hidden > 0)
        {
            await connection.NotifyAsync(new RunNotice(runId, RunNoticeKind.Rewound, Math.Max(iteration, 0)), ct);
        }
    }

    private async Task<bool> LoseAsync(long runId, int attempt, string reason, bool onlyExpired, CancellationToken ct, string output = "")
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        int fruitless = await connection.ScalarAsync<int>(
            $"""
            UPDATE runs SET fruitless_attempts = fruitless_attempts + 1, not_before = now() + least(fruitless_attempts,
                5) * interval '2 seconds'
            WHERE id = $1 AND attempt = $2 AND state IN {Held} AND (NOT $3 OR lease_until < now()) RETURNING fruitless_attempts
            """,
            [runId, attempt, onlyExpired],
            ct
        );
        if (fruitless == 0)
        {
            return false;
        }

        var (state, request) = await RunRelease.ReadAsync(connection, runId, ct);
        var next = RunTransitions.AfterLoss(state, request);
        if (next is RunState.Recovering && fruitless >= MostFruitlessAttempts)
        {
            (next, reason) = (RunState.Failed, $"given up after {fruitless} attempts without a new checkpoint; the last: {reason}");
        }

        if (output.Length > 0)
        {
            await RunEvents.WriteAsync(connection, runId, attempt, LogLevel.Warning, "The trainer's last words:\n" + output, null, ct);
        }

        RunTransitions.Require(runId, state, next);
        await RunRelease.ApplyAsync(connection, runId, attempt, next, $"the trainer was lost: {reason}", ct);
        await transaction.CommitAsync(ct);
        return true;
    }
}
