using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Model;
using SmtWeb.Smt.Metrics;
using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Training;

namespace SmtWeb.Runs.Queue;

/// <summary>An evaluation that a worker claimed, with the fencing token of its new attempt.</summary>
public sealed record ClaimedEvaluation(long JobId, int Attempt, long RunId, long CheckpointId, string Protocol);

/// <summary>A queued evaluation as the panel and REST show it.</summary>
public sealed record EvaluationJob(
    long Id, long RunId, long CheckpointId, long Iteration, string Protocol, EvaluationJobState State, double Progress, string? ProgressText, string? Problem,
    DateTimeOffset Created, string CreatedBy, DateTimeOffset? Started, DateTimeOffset? Ended);

/// <summary>
/// The queue of evaluations, beside that of the runs and built like it: a claim gives an attempt number, and whatever an
/// older attempt still sends is refused. Checkpoints that wait here are pinned (<see cref="Attempts.CheckpointWriter"/>).
/// </summary>
public sealed class EvaluationQueue(RunsDatabase database)
{
    /// <summary>Attempts lost before an evaluation is given up.</summary>
    public const int MostAttempts = 3;

    /// <summary>Queues an evaluation of a complete checkpoint by hand.</summary>
    public async Task<ChangeResult> EnqueueAsync(long runId, long checkpointId, string protocol, string by, CancellationToken ct = default)
    {
        if (EvaluationProtocol.TryFind(protocol) is not { } wanted)
            return new(ChangeOutcome.Conflict, $"There is no protocol '{protocol}'; there are {string.Join(", ", EvaluationProtocol.All.Select(p => p.Name))}.");
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        var known = await connection.ScalarAsync<bool>("SELECT EXISTS (SELECT 1 FROM checkpoints WHERE id = $1 AND run_id = $2 AND complete AND NOT damaged)", [checkpointId, runId], ct);
        if (!known) return new(ChangeOutcome.NotFound, $"Run {runId} has no checkpoint {checkpointId}; it may have been removed for a newer one.");
        var spec = SpecJson.ReadStored((await connection.ScalarAsync<string>("SELECT spec::text FROM runs WHERE id = $1", [runId], ct))!);
        if (GenerationSteps.Problem(GenerationSteps.Of(spec.Method), wanted.Steps) is { } problem) return new(ChangeOutcome.Conflict, problem);
        var open = await connection.ScalarAsync<bool>(
            "SELECT EXISTS (SELECT 1 FROM evaluation_jobs WHERE checkpoint_id = $1 AND protocol = $2 AND state IN ('Queued', 'Running'))", [checkpointId, protocol], ct);
        if (open) return new(ChangeOutcome.Conflict, $"This checkpoint is waiting for, or under, the evaluation '{protocol}' already.");
        await InsertAsync(connection, runId, checkpointId, protocol, ranks: false, by, ct);
        await transaction.CommitAsync(ct);
        return ChangeResult.Done;
    }

    /// <summary>Takes back an evaluation that waits or runs.</summary>
    public async Task<ChangeResult> CancelAsync(long jobId, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        var changed = await connection.ExecuteAsync(
            "UPDATE evaluation_jobs SET state = 'Cancelled', lease_until = NULL, ended = now() WHERE id = $1 AND state IN ('Queued', 'Running')", [jobId], ct);
        return changed == 1 ? ChangeResult.Done : new(ChangeOutcome.Conflict, "The evaluation has ended already.");
    }

    /// <summary>The evaluations of a run's checkpoints, newest first.</summary>
    public async Task<IReadOnlyList<EvaluationJob>> OfRunAsync(long runId, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        return await context.EvaluationJobs.Where(j => j.RunId == runId).OrderByDescending(j => j.Id).Take(200)
            .Select(j => new EvaluationJob(j.Id, j.RunId, j.CheckpointId, j.Iteration, j.Protocol, j.State, j.Progress, j.ProgressText, j.Problem, j.Created, j.CreatedBy, j.Started, j.Ended))
            .ToListAsync(ct);
    }

    /// <summary>Claims the oldest waiting evaluation, those of higher runs first, or returns null.</summary>
    public async Task<ClaimedEvaluation?> ClaimAsync(Guid workerId, TimeSpan lease, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var claim = connection.Sql(
            """
            WITH next AS (
                SELECT j.id FROM evaluation_jobs j JOIN runs r ON r.id = j.run_id WHERE j.state = 'Queued'
                ORDER BY r.priority DESC, j.id LIMIT 1 FOR NO KEY UPDATE OF j SKIP LOCKED)
            UPDATE evaluation_jobs SET state = 'Running', attempt = attempt + 1, worker_id = $1, lease_until = now() + $2,
                started = coalesce(started, now()), progress = 0, progress_text = NULL
            FROM next WHERE evaluation_jobs.id = next.id
            RETURNING evaluation_jobs.id, evaluation_jobs.attempt, evaluation_jobs.run_id, evaluation_jobs.checkpoint_id, evaluation_jobs.protocol
            """,
            workerId,
            lease);
        await using var reader = await claim.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? new(reader.GetInt64(0), reader.GetInt32(1), reader.GetInt64(2), reader.GetInt64(3), reader.GetString(4)) : null;
    }

    /// <summary>What a claimed evaluation is about; null where the attempt no longer owns it.</summary>
    public async Task<ClaimedEvaluation?> FindClaimAsync(long jobId, int attempt, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        return await context.EvaluationJobs.Where(j => j.Id == jobId && j.Attempt == attempt && j.State == EvaluationJobState.Running)
            .Select(j => new ClaimedEvaluation(j.Id, j.Attempt, j.RunId, j.CheckpointId, j.Protocol)).SingleOrDefaultAsync(ct);
    }

    /// <summary>Renews the lease and tells the progress; false where the attempt no longer owns the evaluation.</summary>
    public async Task<bool> RenewAsync(long jobId, int attempt, TimeSpan lease, string? what, double progress, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await connection.ExecuteAsync(
            "UPDATE evaluation_jobs SET lease_until = now() + $3, progress_text = $4, progress = $5 WHERE id = $1 AND attempt = $2 AND state = 'Running'",
            [jobId, attempt, lease, Text(what), double.IsFinite(progress) ? progress : 0], ct) == 1;
    }

    /// <summary>
    /// Stores what was measured at the checkpoint's iteration of the run's own curve; false where the attempt no longer
    /// owns the evaluation.
    /// </summary>
    public async Task<bool> CompleteAsync(ClaimedEvaluation job, EvaluationRecord record, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        // The run's row first, as every writer of a run takes it: ids of its evaluations rise in commit order.
        await connection.ExecuteAsync("SELECT 1 FROM runs WHERE id = $1 FOR NO KEY UPDATE", [job.RunId], ct);
        await using (var done = connection.Sql(
            """
            UPDATE evaluation_jobs SET state = 'Done', lease_until = NULL, ended = now(), progress = 1, progress_text = NULL
            WHERE id = $1 AND attempt = $2 AND state = 'Running'
            """,
            job.JobId,
            job.Attempt))
        {
            if (await done.ExecuteNonQueryAsync(ct) == 0) return false;
        }

        var ranks = await connection.ScalarAsync<bool>("SELECT ranks FROM evaluation_jobs WHERE id = $1", [job.JobId], ct);
        long id = await connection.ScalarAsync<long>(
            """
            INSERT INTO evaluations (run_id, attempt, at, metric, value, iteration, record, superseded, ranks)
            SELECT $1, c.attempt, now(), $2, $3, $4, $5::jsonb, false, $6 FROM checkpoints c WHERE c.id = $7 RETURNING id
            """,
            [job.RunId, record.Metric, record.Value, record.Iteration, StoredSpec.WriteEvaluation(record), ranks, job.CheckpointId],
            ct);
        await connection.ExecuteAsync("UPDATE evaluation_jobs SET evaluation_id = $2 WHERE id = $1", [job.JobId, id], ct);
        if (ranks)
        {
            await connection.ExecuteAsync("UPDATE checkpoints SET distance = $2 WHERE id = $1", [job.CheckpointId, record.Value], ct);
            await connection.ExecuteAsync(
                """
                UPDATE runs SET distance_metric = $2, distance = $3,
                    best_distance = CASE WHEN $3 = 'NaN'::float8 THEN best_distance ELSE least(best_distance, $3) END WHERE id = $1
                """,
                [job.RunId, record.Metric, record.Value],
                ct);
        }

        await connection.NotifyAsync(new RunNotice(job.RunId, RunNoticeKind.Evaluation, id), ct);
        await connection.NotifyAsync(new RunNotice(job.RunId, RunNoticeKind.Summary), ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    /// <summary>It could not be measured. Without effect where the attempt no longer owns the evaluation.</summary>
    public async Task FailAsync(long jobId, int attempt, string problem, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await connection.ExecuteAsync(
            "UPDATE evaluation_jobs SET state = 'Failed', problem = $3, lease_until = NULL, ended = now() WHERE id = $1 AND attempt = $2 AND state = 'Running'",
            [jobId, attempt, problem.Replace("\0", "", StringComparison.Ordinal)],
            ct);
    }

    /// <summary>
    /// Puts an evaluation back whose process ended without a result, or gives it up after <see cref="MostAttempts"/>.
    /// A worker that shuts down (<paramref name="counts"/> false) is not held against it.
    /// </summary>
    public async Task ReportLostAsync(long jobId, int attempt, string reason, bool counts = true, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await LoseAsync(connection, "id = $3 AND attempt = $4 AND state = 'Running'", reason, counts ? MostAttempts : int.MaxValue, [jobId, attempt], ct);
        await connection.NotifyAsync(RunChannels.Queue, "", ct);
    }

    /// <summary>Takes every evaluation whose lease ran out for lost.</summary>
    public async Task RecoverExpiredAsync(CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await LoseAsync(connection, "state = 'Running' AND lease_until < now()", "no sign of life from its process", MostAttempts, [], ct);
    }

    /// <summary>Queues the evaluation that the run's spec asks for at every checkpoint; part of the checkpoint's transaction.</summary>
    internal static async Task OnCheckpointAsync(NpgsqlConnection connection, long runId, long checkpointId, CancellationToken ct)
    {
        var choice = await connection.ScalarAsync<string>("SELECT spec #>> '{evaluation,measure}' FROM runs WHERE id = $1", [runId], ct);
        if (EvaluationProtocol.OfChoice(choice) is { } protocol) await InsertAsync(connection, runId, checkpointId, protocol.Name, ranks: true, "training", ct);
    }

    private static async Task InsertAsync(NpgsqlConnection connection, long runId, long checkpointId, string protocol, bool ranks, string by, CancellationToken ct)
    {
        await connection.ExecuteAsync(
            """
            INSERT INTO evaluation_jobs (run_id, checkpoint_id, iteration, protocol, ranks, state, attempt, progress, created, created_by)
            SELECT $1, c.id, c.iteration, $3, $4, 'Queued', 0, 0, now(), $5 FROM checkpoints c WHERE c.id = $2
            """,
            [runId, checkpointId, protocol, ranks, by],
            ct);
        await connection.NotifyAsync(RunChannels.Queue, "", ct);
    }

    private static Task<int> LoseAsync(NpgsqlConnection connection, string which, string reason, int most, object?[] values, CancellationToken ct) => connection.ExecuteAsync(
        $"""
        UPDATE evaluation_jobs SET state = CASE WHEN attempt >= $2 THEN 'Failed' ELSE 'Queued' END, lease_until = NULL, worker_id = NULL,
            problem = CASE WHEN attempt >= $2 THEN 'given up after ' || attempt || ' attempts; the last: ' || $1 END,
            ended = CASE WHEN attempt >= $2 THEN now() END
        WHERE {which}
        """,
        [reason, most, .. values],
        ct);

    private static NpgsqlParameter Text(string? value) => new() { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)value ?? DBNull.Value };
}
