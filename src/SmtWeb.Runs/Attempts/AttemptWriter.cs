using Npgsql;
using NpgsqlTypes;
using SmtWeb.Runs.Checkpoints;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Entities;
using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Session;
using SmtWeb.Torch;

namespace SmtWeb.Runs.Attempts;

/// <summary>
/// Everything that one attempt may write. Every method is refused with <see cref="AttemptFencedException"/> once the attempt lost the run.
/// </summary>
public sealed class AttemptWriter(RunsDatabase database, long runId, int attempt)
{
    /// <summary>Curve that carries the training speed.</summary>
    public const string SpeedMetric = MetricNames.ImagesPerSecond;

    /// <summary>Curve that counts steps skipped for a non-finite loss or gradient.</summary>
    public const string SkippedMetric = MetricNames.SkippedSteps;

    /// <summary>The run.</summary>
    public long RunId => runId;

    /// <summary>Number of the attempt: the fencing token.</summary>
    public int Attempt => attempt;

    private NpgsqlDataSource Source => database.Source;

    /// <summary>The trainer is loaded and trains. A run that was asked to pause meanwhile stays <see cref="RunState.Stopping"/>.</summary>
    public Task BeginAsync(string message, CancellationToken ct = default) =>
        Fence.RunAsync(
            Source,
            runId,
            attempt,
            async connection =>
            {
                int changed = await connection.ExecuteAsync(
                    "UPDATE runs SET state = 'Running', state_reason = NULL WHERE id = $1 AND state = 'Starting'",
                    [runId],
                    ct
                );
                await LineAsync(connection, LogLevel.Information, message, changed == 1 ? RunState.Running : null, ct);
            },
            ct
        );

    /// <summary>Stores a batch once, however often it is sent.</summary>
    public Task WriteAsync(JournalBatch batch, CancellationToken ct = default) =>
        Fence.RunAsync(
            Source,
            runId,
            attempt,
            async connection =>
            {
                long? lastIteration = batch.Metrics.Count > 0 ? batch.Metrics[^1].Iteration : null;
                int fresh = await connection.ExecuteAsync(
                    "UPDATE attempts SET last_batch = $3, last_iteration = coalesce($4, last_iteration) WHERE run_id = $1 AND number = "
                        + "$2 AND last_batch < $3",
                    [runId, attempt, batch.Number, Nullable(lastIteration)],
                    ct
                );
                if (fresh == 0)
                {
                    return;
                }

                await MetricsAsync(connection, batch.Metrics, ct);
                foreach (var picture in batch.Pictures)
                {
                    await PictureAsync(connection, picture, ct);
                }

                foreach (var evaluation in batch.Evaluations)
                {
                    await EvaluationAsync(connection, evaluation, ct);
                }

                foreach (var line in batch.Lines)
                {
                    await LineAsync(connection, line.Level, line.Message, null, ct);
                }
            },
            ct
        );

    /// <summary>Begins a checkpoint; it stays invisible until <see cref="CheckpointWriter.CompleteAsync"/>.</summary>
    public CheckpointWriter Checkpoint(CheckpointRecord record, TimeSpan patience) => new(Source, runId, attempt, record, patience);

    /// <summary>
    /// The attempt is over and gives the run back. <paramref name="obeyed"/> is what its trainer left for
    /// (<see cref="RunTransitions.AfterLeaving"/>); <paramref name="firstBadIteration"/> marks a run that failed for what is not finite.
    /// </summary>
    public Task EndAsync(
        RunState state,
        string reason,
        RunRequest obeyed = RunRequest.None,
        long? firstBadIteration = null,
        CancellationToken ct = default
    ) =>
        Fence.RunAsync(
            Source,
            runId,
            attempt,
            async connection =>
            {
                var (from, request) = await RunRelease.ReadAsync(connection, runId, ct);
                var to = RunTransitions.AfterLeaving(state, request, obeyed);
                RunTransitions.Require(runId, from, to);
                await connection.ExecuteAsync(
                    "UPDATE runs SET first_bad_iteration = $2 WHERE id = $1",
                    [runId, Nullable(firstBadIteration)],
                    ct
                );
                await RunRelease.ApplyAsync(connection, runId, attempt, to, reason, ct);
            },
            ct
        );

    /// <summary>
    /// Sets a checkpoint aside whose bytes do not match their hash (or that is gone) and gives the run back, to go on from the newest whole
    /// one. A run that has none does not begin again by itself: that is for a person to decide. The checkpoint of another run, a teacher's,
    /// was set aside before (<see cref="IRunStore.SetDamagedAsideAsync"/>).
    /// </summary>
    public Task EndWithDamagedCheckpointAsync(long checkpointId, string reason, CancellationToken ct = default) =>
        Fence.RunAsync(
            Source,
            runId,
            attempt,
            async connection =>
            {
                await connection.ExecuteAsync(
                    "UPDATE checkpoints SET damaged = true WHERE id = $1 AND run_id = $2",
                    [checkpointId, runId],
                    ct
                );
                await BestDistance.UpdateAsync(connection, runId, ct);
                await connection.NotifyAsync(new RunNotice(runId, RunNoticeKind.Checkpoint), ct);
                var (state, request) = await RunRelease.ReadAsync(connection, runId, ct);
                var next = RunTransitions.AfterLoss(state, request);
                bool own = await connection.ScalarAsync<bool>(
                    "SELECT from_checkpoint_id IS NOT DISTINCT FROM $3 FROM attempts WHERE run_id = $1 AND number = $2",
                    [runId, attempt, checkpointId],
                    ct
                );
                long? whole = await connection.ScalarAsync<long?>(
                    "SELECT max(iteration) FROM checkpoints WHERE run_id = $1 AND complete AND NOT damaged",
                    [runId],
                    ct
                );
                if (own && whole is null && next is (RunState.Recovering or RunState.Queued))
                {
                    next = RunState.Failed;
                }

                string then =
                    !own ? "The next attempt takes the newest whole one of that run."
                    : whole is { } iteration ? $"It was set aside; the run goes on from iteration {iteration:N0}, the newest whole one."
                    : "It was set aside, and the run has no other that is whole; resumed, it begins again from the start.";
                RunTransitions.Require(runId, state, next);
                await RunRelease.ApplyAsync(connection, runId, attempt, next, $"{reason} {then}", ct);
            },
            ct
        );

    private async Task MetricsAsync(NpgsqlConnection connection, IReadOnlyList<MetricPoint> points, CancellationToken ct)
    {
        if (points.Count == 0)
        {
            return;
        }

        await using var insert = new NpgsqlCommand(
            """
            INSERT INTO metrics (run_id, attempt, name, iteration, images_seen, seconds, value, superseded)
            SELECT $1, $2, p.name, p.iteration, p.images_seen, p.seconds, p.value, false
            FROM unnest($3, $4, $5, $6, $7) WITH ORDINALITY AS p(name, iteration, images_seen, seconds, value, place)
            ORDER BY p.place
            """,
            connection
        )
        {
            Parameters =
            {
                new() { Value = runId },
                new() { Value = attempt },
                new() { Value = points.Select(p => p.Name).ToArray() },
                new() { Value = points.Select(p => p.Iteration).ToArray() },
                new() { Value = points.Select(p => p.ImagesSeen).ToArray() },
                new() { Value = points.Select(p => p.Seconds).ToArray() },
                new() { Value = points.Select(p => p.Value).ToArray() },
            },
        };
        await insert.ExecuteNonQueryAsync(ct);

        var last = points[^1];
        double? speed = Last(points, SpeedMetric);
        double? skipped = Last(points, SkippedMetric);
        await connection.ExecuteAsync(
            """
            UPDATE runs SET iteration = greatest(iteration, $2), seconds = greatest(seconds, $3),
                images_per_second = coalesce($4, images_per_second), skipped_steps = coalesce($5, skipped_steps)
            WHERE id = $1
            """,
            [runId, last.Iteration, last.Seconds, Nullable(speed), Nullable((long?)skipped)],
            ct
        );
        await connection.NotifyAsync(new RunNotice(runId, RunNoticeKind.Metrics), ct);
    }

    private async Task PictureAsync(NpgsqlConnection connection, PictureRecord picture, CancellationToken ct)
    {
        await connection.ExecuteAsync(
            """
            INSERT INTO pictures (run_id, attempt, kind, iteration, images_seen, rows, columns, cell_size, row_labels, png, superseded)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, false)
            """,
            [
                runId,
                attempt,
                picture.Kind.ToString(),
                picture.Iteration,
                picture.ImagesSeen,
                picture.Rows,
                picture.Columns,
                picture.CellSize,
                picture.RowLabels.ToArray(),
                picture.Png,
            ],
            ct
        );
        await connection.NotifyAsync(new RunNotice(runId, RunNoticeKind.Picture), ct);
    }

    private async Task EvaluationAsync(NpgsqlConnection connection, EvaluationRecord evaluation, CancellationToken ct)
    {
        long id = await connection.ScalarAsync<long>(
            """
            INSERT INTO evaluations (run_id, attempt, at, metric, value, iteration, record, superseded, ranks)
            VALUES ($1, $2, now(), $3, $4, $5, $6::jsonb, false, true) RETURNING id
            """,
            [runId, attempt, evaluation.Metric, evaluation.Value, evaluation.Iteration, StoredSpec.WriteEvaluation(evaluation)],
            ct
        );
        // not yet anybody's best: that is a checkpoint's, and this one's comes, if at all, after it
        await connection.ExecuteAsync(
            "UPDATE runs SET distance_metric = $2, distance = $3 WHERE id = $1",
            [runId, evaluation.Metric, evaluation.Value],
            ct
        );
        await connection.NotifyAsync(new RunNotice(runId, RunNoticeKind.Evaluation, id), ct);
        await connection.NotifyAsync(new RunNotice(runId, RunNoticeKind.Summary), ct);
    }

    private Task LineAsync(NpgsqlConnection connection, LogLevel level, string message, RunState? state, CancellationToken ct) =>
        RunEvents.WriteAsync(connection, runId, attempt, level, message, state, ct);

    private static double? Last(IReadOnlyList<MetricPoint> points, string name)
    {
        for (int i = points.Count - 1; i >= 0; i--)
        {
            if (points[i].Name == name && double.IsFinite(points[i].Value))
            {
                return points[i].Value;
            }
        }

        return null;
    }

    private static NpgsqlParameter Nullable(long? value) =>
        new() { NpgsqlDbType = NpgsqlDbType.Bigint, Value = (object?)value ?? DBNull.Value };

    private static NpgsqlParameter Nullable(double? value) =>
        new() { NpgsqlDbType = NpgsqlDbType.Double, Value = (object?)value ?? DBNull.Value };
}
