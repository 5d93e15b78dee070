using Microsoft.EntityFrameworkCore;
using SmtWeb.Runs.Checkpoints;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Entities;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Runs;

/// <summary>Runs in PostgreSQL: reading. The changes are in the other part.</summary>
public sealed partial class RunStore(RunsDatabase database) : IRunStore
{
    /// <inheritdoc/>
    public async Task<IReadOnlyList<RunSummary>> ListAsync(CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        return await RunSummaries.ReadAsync(context, context.Runs.Where(r => r.Trashed == null).OrderByDescending(r => r.Id), ct);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<RunSummary>> SearchAsync(RunQuery query, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        var kept = context.Runs.Where(r => r.Trashed == null && (query.Before == null || r.Id < query.Before));
        var runs = RunSearch.Find(kept, query.States, query.Words);
        return await RunSummaries.ReadAsync(context, runs.OrderByDescending(r => r.Id).Take(query.Limit), ct);
    }

    /// <inheritdoc/>
    public async Task<RunDetail?> FindAsync(long id, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        var summary = (
            await RunSummaries.ReadAsync(context, context.Runs.Where(r => r.Id == id && r.Trashed == null), ct)
        ).SingleOrDefault();
        var rest = await context
            .Runs.Where(r => r.Id == id)
            .Select(r => new
            {
                r.Spec,
                r.SpecHash,
                r.Attempt,
                r.WorkerId,
                r.Heartbeat,
                r.SkippedSteps,
                r.NotBefore,
                r.JobId,
            })
            .SingleOrDefaultAsync(ct);
        if (summary is null || rest is null)
        {
            return null;
        }

        var attempts = await context
            .Attempts.Where(a => a.RunId == id)
            .OrderBy(a => a.Number)
            .Select(a => new RunAttempt(a.Number, a.Worker, a.Started, a.Ended, a.FirstIteration, a.LastIteration, a.Outcome))
            .ToListAsync(ct);
        string? worker = await context.Workers.Where(w => w.Id == rest.WorkerId).Select(w => w.Name).SingleOrDefaultAsync(ct);
        string? waits = summary.State.IsWaiting() ? await WaitingReason.ExplainAsync(context, summary, rest.NotBefore, ct) : null;
        string? parent = await context
            .Runs.Where(r => r.Id == summary.ParentRunId && r.Trashed == null)
            .Select(r => r.Name)
            .SingleOrDefaultAsync(ct);
        return new(
            summary,
            SpecJson.ReadStored(rest.Spec),
            rest.SpecHash,
            rest.Attempt,
            worker,
            rest.Heartbeat,
            waits,
            rest.SkippedSteps,
            attempts
        )
        {
            JobId = rest.JobId,
            ParentName = parent,
        };
    }

    /// <inheritdoc/>
    public async Task<MetricPage> MetricsAsync(
        long id,
        long after = 0,
        int limit = 100_000,
        bool superseded = false,
        CancellationToken ct = default
    )
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var select = connection.Sql(
            """
            SELECT id, attempt, name, iteration, images_seen, seconds, value, superseded FROM metrics
            WHERE run_id = $1 AND id > $2 AND ($3 OR NOT superseded) ORDER BY id LIMIT $4
            """,
            id,
            after,
            superseded,
            limit
        );
        await using var reader = await select.ExecuteReaderAsync(ct);
        var points = new List<StoredMetric>();
        while (await reader.ReadAsync(ct))
        {
            // One string per curve, not one per point.
            points.Add(
                new(
                    reader.GetInt64(0),
                    reader.GetInt32(1),
                    string.Intern(reader.GetString(2)),
                    reader.GetInt64(3),
                    reader.GetInt64(4),
                    reader.GetDouble(5),
                    reader.GetDouble(6),
                    reader.GetBoolean(7)
                )
            );
        }

        return new(points, points.Count > 0 ? points[^1].Sequence : after);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<RunEvaluation>> EvaluationsAsync(long id, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        var rows = await context.Evaluations.AsNoTracking().Where(e => e.RunId == id && !e.Superseded).OrderBy(e => e.Id).ToListAsync(ct);
        return [.. rows.Select(Show)];
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<RunPicture>> PicturesAsync(long id, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        return await PictureFacts(context.Pictures.Where(p => p.RunId == id && !p.Superseded)).ToListAsync(ct);
    }

    /// <inheritdoc/>
    public async Task<byte[]?> PicturePngAsync(long runId, long pictureId, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        return await context
            .Pictures.Where(p => p.RunId == runId && p.Id == pictureId && context.Runs.Any(r => r.Id == runId && r.Trashed == null))
            .Select(p => p.Png)
            .SingleOrDefaultAsync(ct);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<RunCheckpoint>> CheckpointsAsync(long id, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        return await CheckpointFacts(
                context.Checkpoints.Where(c => c.RunId == id && context.Runs.Any(r => r.Id == id && r.Trashed == null))
            )
            .ToListAsync(ct);
    }

    /// <inheritdoc/>
    public async Task<Stream?> OpenCheckpointAsync(long runId, long checkpointId, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        var facts = await context
            .Checkpoints.Where(c => c.RunId == runId && c.Id == checkpointId && c.Complete && !c.Damaged)
            .Select(c => new { c.Chunks, c.Bytes })
            .SingleOrDefaultAsync(ct);
        return facts is null ? null : new CheckpointReader(database.Source, checkpointId, facts.Chunks, facts.Bytes);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<RunEvent>> EventsAsync(long id, long after = 0, int limit = 1000, CancellationToken ct = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        await using var context = await database.ContextAsync(ct);
        return await context
            .Events.Where(e => e.RunId == id && e.Id > after)
            .OrderBy(e => e.Id)
            .Take(limit)
            .Select(e => new RunEvent(e.Id, e.Attempt, e.At, e.Level, e.Message, e.State))
            .ToListAsync(ct);
    }

    internal static RunEvaluation Show(EvaluationRow row) => new(row.Id, row.Attempt, row.At, StoredSpec.ReadEvaluation(row.Record));

    internal static IQueryable<RunPicture> PictureFacts(IQueryable<PictureRow> pictures) =>
        pictures
            .OrderBy(p => p.Id)
            .Select(p => new RunPicture(p.Id, p.Attempt, p.Kind, p.Iteration, p.ImagesSeen, p.Rows, p.Columns, p.CellSize, p.RowLabels));

    internal static IQueryable<RunCheckpoint> CheckpointFacts(IQueryable<CheckpointRow> checkpoints) =>
        checkpoints
            .Where(c => c.Complete && !c.Damaged)
            .OrderBy(c => c.Id)
            .Select(c => new RunCheckpoint(c.Id, c.Attempt, c.At, c.Iteration, c.ImagesSeen, c.Bytes, c.Sha256, c.Distance, c.Reason));
}
