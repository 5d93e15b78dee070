using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Entities;
using SmtWeb.Smt.Evaluation;
using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Runs.Queue;

/// <summary>An evaluation that an attempt measures, with its fencing token.</summary>
public sealed record ClaimedEvaluation(long JobId, int Attempt, long RunId, long CheckpointId, string Protocol);

/// <summary>A queued evaluation as the panel and REST show it.</summary>
public sealed record EvaluationJob(
    long Id,
    long RunId,
    long CheckpointId,
    long Iteration,
    string Protocol,
    EvaluationJobState State,
    double Progress,
    string? ProgressText,
    string? Problem,
    DateTimeOffset Created,
    string CreatedBy,
    DateTimeOffset? Started,
    DateTimeOffset? Ended
);

/// <summary>
/// Evaluations: what people and checkpoints ask for, and what became of it. Who measures one is its work item's affair
/// (<see cref="WorkItems"/>), whose attempt number every write is checked against. Checkpoints that wait here are pinned
/// (<see cref="Checkpoints.CheckpointWriter"/>).
/// </summary>
public sealed class EvaluationQueue(RunsDatabase database)
{
    /// <summary>Queues an evaluation of a complete checkpoint by hand.</summary>
    public async Task<ChangeResult> EnqueueAsync(long runId, long checkpointId, string protocol, string by, CancellationToken ct = default)
    {
        if (EvaluationProtocol.TryFind(protocol) is not { } wanted)
        {
            return new(
                ChangeOutcome.Conflict,
                $"There is no protocol '{protocol}'; there are {string.Join(", ", EvaluationProtocol.All.Select(p => p.Name))}."
            );
        }
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        var known = await connection.ScalarAsync<bool>(
            "SELECT EXISTS (SELECT 1 FROM checkpoints WHERE id = $1 AND run_id = $2 AND complete AND NOT damaged)",
            [checkpointId, runId],
            ct
        );
        if (!known)
        {
            return new(ChangeOutcome.NotFound, $"Run {runId} has no checkpoint {checkpointId}; it may have been removed for a newer one.");
        }
        var spec = SpecJson.ReadStored((await connection.ScalarAsync<string>("SELECT spec::text FROM runs WHERE id = $1", [runId], ct))!);
        if (GenerationSteps.Problem(GenerationSteps.Of(spec.Method), wanted.Steps) is { } problem)
        {
            return new(ChangeOutcome.Conflict, problem);
        }
        var open = await connection.ScalarAsync<bool>(
            "SELECT EXISTS (SELECT 1 FROM evaluation_jobs WHERE checkpoint_id = $1 AND protocol = $2 AND state IN ('Queued', 'Running'))",
            [checkpointId, protocol],
            ct
        );
        if (open)
        {
            return new(ChangeOutcome.Conflict, $"This checkpoint is waiting for, or under, the evaluation '{protocol}' already.");
        }
        await InsertAsync(connection, runId, checkpointId, protocol, ranks: false, by, ct);
        await transaction.CommitAsync(ct);
        return ChangeResult.Done;
    }

    /// <summary>Takes back an evaluation that waits or runs.</summary>
    public async Task<ChangeResult> CancelAsync(long jobId, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await WorkItems.WithdrawAsync(connection, JobQueues.Evaluations, jobId, "The evaluation was cancelled.", ct);
        var changed = await connection.ExecuteAsync(
            "UPDATE evaluation_jobs SET state = 'Cancelled', ended = now() WHERE id = $1 AND state IN ('Queued', 'Running')",
            [jobId],
            ct
        );
        await transaction.CommitAsync(ct);
        return changed == 1 ? ChangeResult.Done : new(ChangeOutcome.Conflict, "The evaluation has ended already.");
    }

    /// <summary>The evaluations of a run's checkpoints, newest first.</summary>
    public async Task<IReadOnlyList<EvaluationJob>> OfRunAsync(long runId, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        return await context
            .EvaluationJobs.Where(j => j.RunId == runId)
            .OrderByDescending(j => j.Id)
            .Take(200)
            .Select(j => new EvaluationJob(
                j.Id,
                j.RunId,
                j.CheckpointId,
                j.Iteration,
                j.Protocol,
                j.State,
                j.Progress,
                j.ProgressText,
                j.Problem,
                j.Created,
                j.CreatedBy,
                j.Started,
                j.Ended
            ))
            .ToListAsync(ct);
    }

    /// <summary>Claimed work begins; null where the attempt no longer owns it.</summary>
    public async Task<ClaimedEvaluation?> BeginAsync(ClaimedItem work, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (!await HoldAsync(connection, work.Subject, work.Attempt, ct))
        {
            return null;
        }

        ClaimedEvaluation? begun = null;
        await using (
            var begin = connection.Sql(
                """
                UPDATE evaluation_jobs SET state = 'Running', started = coalesce(started, now()), progress = 0, progress_text = NULL
                WHERE id = $1 AND state IN ('Queued', 'Running') RETURNING run_id, checkpoint_id, protocol
                """,
                work.Subject
            )
        )
        await using (var reader = await begin.ExecuteReaderAsync(ct))
        {
            if (await reader.ReadAsync(ct))
            {
                begun = new(work.Subject, work.Attempt, reader.GetInt64(0), reader.GetInt64(1), reader.GetString(2));
            }
        }

        if (begun is null)
        {
            await WorkItems.EndAsync(connection, JobQueues.Evaluations, work.Subject, ct);
        }
        await transaction.CommitAsync(ct);
        return begun;
    }

    /// <summary>What a begun evaluation is about; null where the attempt no longer owns it.</summary>
    public async Task<ClaimedEvaluation?> FindClaimAsync(long jobId, int attempt, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        return await context
            .EvaluationJobs.Where(j =>
                j.Id == jobId
                && j.State == EvaluationJobState.Running
                && context.WorkItems.Any(w =>
                    w.Queue == JobQueues.Evaluations && w.Subject == jobId && w.Attempt == attempt && w.LeaseUntil != null
                )
            )
            .Select(j => new ClaimedEvaluation(j.Id, attempt, j.RunId, j.CheckpointId, j.Protocol))
            .SingleOrDefaultAsync(ct);
    }

    /// <summary>Renews the lease and tells the progress; false where the attempt no longer owns the evaluation.</summary>
    public async Task<bool> RenewAsync(
        long jobId,
        int attempt,
        TimeSpan lease,
        string? what,
        double progress,
        CancellationToken ct = default
    )
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await connection.ExecuteAsync(
                """
                WITH held AS (UPDATE work_items SET lease_until = now() + $4 WHERE queue = $1 AND subject = $2 AND attempt = $3
                    AND lease_until IS NOT NULL RETURNING subject)
                UPDATE evaluation_jobs SET progress_text = $5, progress = $6 FROM held WHERE id = held.subject AND state = 'Running'
                """,
                [JobQueues.Evaluations, jobId, attempt, lease, Text(what), double.IsFinite(progress) ? progress : 0],
                ct
            ) == 1;
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
        if (!await HoldAsync(connection, job.JobId, job.Attempt, ct))
        {
            return false;
        }
        int done = await connection.ExecuteAsync(
            "UPDATE evaluation_jobs SET state = 'Done', ended = now(), progress = 1, progress_text = NULL WHERE id = $1 AND state = "
                + "'Running'",
            [job.JobId],
            ct
        );
        if (done == 0)
        {
            return false;
        }
        await WorkItems.EndAsync(connection, JobQueues.Evaluations, job.JobId, ct);

        var ranks = await connection.ScalarAsync<bool>("SELECT ranks FROM evaluation_jobs WHERE id = $1", [job.JobId], ct);
        long id = await connection.ScalarAsync<long>(
            """
            INSERT INTO evaluations (run_id, attempt, at, metric, value, iteration, record, superseded, ranks)
            SELECT $1, c.attempt, now(), $2, $3, $4, $5::jsonb, false, $6 FROM checkpoints c WHERE c.id = $7 RETURNING id
            """,
            [job.RunId, record.Metric, record.Value, record.Iteration, StoredSpec.WriteEvaluation(record), ranks, job.CheckpointId],
            ct
        );
        await connection.ExecuteAsync("UPDATE evaluation_jobs SET evaluation_id = $2 WHERE id = $1", [job.JobId, id], ct);
        if (ranks)
        {
            await connection.ExecuteAsync("UPDATE checkpoints SET distance = $2 WHERE id = $1", [job.CheckpointId, record.Value], ct);
            await connection.ExecuteAsync(
                "UPDATE runs SET distance_metric = $2, distance = $3 WHERE id = $1",
                [job.RunId, record.Metric, record.Value],
                ct
            );
            await BestDistance.UpdateAsync(connection, job.RunId, ct);
        }

        await connection.NotifyAsync(new RunNotice(job.RunId, RunNoticeKind.Evaluation, id), ct);
        await connection.NotifyAsync(new RunNotice(job.RunId, RunNoticeKind.Summary), ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    /// <summary>It could not be measured; false where the attempt no longer owns the evaluation.</summary>
    public async Task<bool> FailAsync(long jobId, int attempt, string problem, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        bool held = await HoldAsync(connection, jobId, attempt, ct);
        if (held)
        {
            await FailAsync(connection, jobId, problem, ct);
        }
        await transaction.CommitAsync(ct);
        return held;
    }

    /// <summary>
    /// Puts an evaluation back whose process ended without a result, or gives it up after <see cref="WorkItems.MostAttempts"/>.
    /// A worker that shuts down (<paramref name="counts"/> false) is not held against it. Null where the attempt no longer owns
    /// it: its result or the reason of its failure is stored, or somebody took it back.
    /// </summary>
    public async Task<EvaluationJobState?> ReportLostAsync(
        long jobId,
        int attempt,
        string reason,
        bool counts = true,
        CancellationToken ct = default
    )
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (await WorkItems.LetGoAsync(connection, JobQueues.Evaluations, jobId, attempt, counts, ct) is not { } losses)
        {
            return null;
        }

        bool over = counts && losses >= WorkItems.MostAttempts;
        if (over)
        {
            await FailAsync(connection, jobId, $"given up after {losses} attempts; the last: {reason}", ct);
        }
        else
        {
            await connection.ExecuteAsync("UPDATE evaluation_jobs SET state = 'Queued' WHERE id = $1 AND state = 'Running'", [jobId], ct);
        }
        await transaction.CommitAsync(ct);
        return over ? EvaluationJobState.Failed : EvaluationJobState.Queued;
    }

    /// <summary>Where an evaluation stands and why, in words; null where it is gone with its run.</summary>
    public async Task<(EvaluationJobState State, string? Problem)?> StateAsync(long jobId, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        return
            await context.EvaluationJobs.Where(j => j.Id == jobId).Select(j => new { j.State, j.Problem }).SingleOrDefaultAsync(ct)
                is { } found
            ? (found.State, found.Problem)
            : null;
    }

    /// <summary>Queues the evaluation that the run's spec asks for at every checkpoint; part of the checkpoint's transaction.</summary>
    internal static async Task OnCheckpointAsync(NpgsqlConnection connection, long runId, long checkpointId, CancellationToken ct)
    {
        var choice = await connection.ScalarAsync<string>("SELECT spec #>> '{evaluation,measure}' FROM runs WHERE id = $1", [runId], ct);
        if (EvaluationProtocol.OfChoice(choice) is { } protocol)
        {
            await InsertAsync(connection, runId, checkpointId, protocol.Name, ranks: true, "training", ct);
        }
    }

    private static async Task InsertAsync(
        NpgsqlConnection connection,
        long runId,
        long checkpointId,
        string protocol,
        bool ranks,
        string by,
        CancellationToken ct
    )
    {
        long id = await connection.ScalarAsync<long>(
            """
            INSERT INTO evaluation_jobs (run_id, checkpoint_id, iteration, protocol, ranks, state, progress, created, created_by)
            SELECT $1, c.id, c.iteration, $3, $4, 'Queued', 0, now(), $5 FROM checkpoints c WHERE c.id = $2 RETURNING id
            """,
            [runId, checkpointId, protocol, ranks, by],
            ct
        );
        string what =
            await connection.ScalarAsync<string>(
                "SELECT 'run ' || run_id || ', iteration ' || iteration FROM evaluation_jobs WHERE id = $1",
                [id],
                ct
            ) ?? "";
        await WorkItems.AddAsync(connection, JobQueues.Evaluations, id, $"{what}, {protocol}", runId, ct);
    }

    private static async Task FailAsync(NpgsqlConnection connection, long jobId, string problem, CancellationToken ct)
    {
        await connection.ExecuteAsync(
            "UPDATE evaluation_jobs SET state = 'Failed', problem = $2, ended = now() WHERE id = $1 AND state IN ('Queued', 'Running')",
            [jobId, problem.Replace("\0", "", StringComparison.Ordinal)],
            ct
        );
        await WorkItems.EndAsync(connection, JobQueues.Evaluations, jobId, ct);
    }

    private static Task<bool> HoldAsync(NpgsqlConnection connection, long jobId, int attempt, CancellationToken ct) =>
        WorkItems.HoldAsync(connection, JobQueues.Evaluations, jobId, attempt, ct);

    private static NpgsqlParameter Text(string? value) =>
        new() { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)value ?? DBNull.Value };
}
