using Microsoft.EntityFrameworkCore;
using Npgsql;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Entities;
using SmtWeb.Smt.Session;

namespace SmtWeb.Runs.Feed;

/// <summary>Reads what is new of a run since a cursor, in one round trip where little is new.</summary>
internal sealed class RunFeedReader(RunsDatabase database)
{
    private const int MetricPageSize = 20_000;

    /// <summary>Puts a cursor at the end of what is stored now.</summary>
    public void Place(long runId, RunCursor cursor)
    {
        using var connection = database.Source.OpenConnection();
        using var select = connection.Sql(
            """
            SELECT coalesce((SELECT max(id) FROM metrics WHERE run_id = $1), 0), coalesce((SELECT max(id) FROM evaluations
                WHERE run_id = $1), 0),
                coalesce((SELECT max(id) FROM pictures WHERE run_id = $1), 0), coalesce((SELECT max(id) FROM checkpoints
                    WHERE run_id = $1 AND complete), 0),
                coalesce((SELECT max(id) FROM events WHERE run_id = $1), 0), coalesce((SELECT attempt FROM runs WHERE id = $1), 0)
            """,
            runId
        );
        using var reader = select.ExecuteReader();
        reader.Read();
        (cursor.Metric, cursor.Evaluation, cursor.Picture) = (reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2));
        (cursor.Checkpoint, cursor.Event, cursor.Attempt) = (reader.GetInt64(3), reader.GetInt64(4), reader.GetInt32(5));
        cursor.Placed = true;
    }

    /// <summary>Everything new of a run, in the order in which a page should hear of it; moves the cursor behind it.</summary>
    public async Task<List<RunMessage>> ReadAsync(long runId, RunCursor cursor, CancellationToken ct)
    {
        var messages = new List<RunMessage>();
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        // One snapshot: an evaluation and the curve's point at its place are seen together or not at all.
        await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, ct);
        await CurvesAsync(connection, runId, cursor, messages, ct);
        await using (var context = await database.ContextAsync(ct))
        {
            // The context shares the snapshot, and with it the connection.
            context.Database.SetDbConnection(connection);
            await context.Database.UseTransactionAsync(transaction, ct);
            await RestAsync(context, runId, cursor, messages, ct);
        }

        return messages;
    }

    /// <summary>New points alone, which is what most notices are about: one round trip where a page of them holds all.</summary>
    public async Task<List<RunMessage>> ReadCurvesAsync(long runId, RunCursor cursor, CancellationToken ct)
    {
        var messages = new List<RunMessage>();
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await CurvesAsync(connection, runId, cursor, messages, ct);
        return messages;
    }

    /// <summary>One evaluation of any run, or null where it is gone.</summary>
    public async Task<RunEvaluation?> EvaluationAsync(long id, CancellationToken ct)
    {
        await using var context = await database.ContextAsync(ct);
        var row = await context.Evaluations.AsNoTracking().SingleOrDefaultAsync(e => e.Id == id, ct);
        return row is null ? null : RunStore.Show(row);
    }

    /// <summary>Runs that have not ended, and those of <paramref name="also"/>.</summary>
    public async Task<IReadOnlyList<RunSummary>> SummariesAsync(IReadOnlyCollection<long> also, CancellationToken ct)
    {
        await using var context = await database.ContextAsync(ct);
        return await RunSummaries.ReadAsync(
            context,
            context.Runs.Where(r =>
                r.Trashed == null
                && (also.Contains(r.Id) || (r.State != RunState.Finished && r.State != RunState.Failed && r.State != RunState.Cancelled))
            ),
            ct
        );
    }

    private static async Task CurvesAsync(
        NpgsqlConnection connection,
        long runId,
        RunCursor cursor,
        List<RunMessage> messages,
        CancellationToken ct
    )
    {
        while (await PageAsync(connection, runId, cursor, messages, ct) == MetricPageSize)
        {
            // There is more.
        }
    }

    /// <summary>One statement, so one snapshot: a rewind and the points that follow it are seen together or not at all.</summary>
    private static async Task<int> PageAsync(
        NpgsqlConnection connection,
        long runId,
        RunCursor cursor,
        List<RunMessage> messages,
        CancellationToken ct
    )
    {
        await using var select = connection.Sql(
            """
            SELECT a.number, a.first_iteration, m.id, m.attempt, m.name, m.iteration, m.images_seen, m.seconds, m.value
            FROM (SELECT number, first_iteration FROM attempts WHERE run_id = $1 ORDER BY number DESC LIMIT 1) a
            LEFT JOIN LATERAL (
                SELECT id, attempt, name, iteration, images_seen, seconds, value FROM metrics
                WHERE run_id = $1 AND id > $2 AND NOT superseded ORDER BY id LIMIT $3) m ON true
            ORDER BY m.id
            """,
            runId,
            cursor.Metric,
            MetricPageSize
        );
        await using var reader = await select.ExecuteReaderAsync(ct);
        var points = new List<StoredMetric>();
        while (await reader.ReadAsync(ct))
        {
            if (reader.GetInt32(0) > cursor.Attempt)
            {
                cursor.Attempt = reader.GetInt32(0);
                if (cursor.Attempt > 1)
                {
                    messages.Add(new CurvesRewoundMessage(runId, reader.GetInt64(1)));
                }
            }

            if (!await reader.IsDBNullAsync(2, ct))
            {
                points.Add(
                    new(
                        reader.GetInt64(2),
                        reader.GetInt32(3),
                        string.Intern(reader.GetString(4)),
                        reader.GetInt64(5),
                        reader.GetInt64(6),
                        reader.GetDouble(7),
                        reader.GetDouble(8),
                        false
                    )
                );
            }
        }

        if (points.Count > 0)
        {
            cursor.Metric = points[^1].Sequence;
            messages.Add(new MetricBatchMessage(runId, points));
        }

        return points.Count;
    }

    private static async Task RestAsync(
        SmtWebDbContext context,
        long runId,
        RunCursor cursor,
        List<RunMessage> messages,
        CancellationToken ct
    )
    {
        foreach (
            var row in await context
                .Evaluations.AsNoTracking()
                .Where(e => e.RunId == runId && e.Id > cursor.Evaluation && !e.Superseded)
                .OrderBy(e => e.Id)
                .ToListAsync(ct)
        )
        {
            cursor.Evaluation = row.Id;
            messages.Add(new EvaluationMessage(runId, RunStore.Show(row)));
        }

        foreach (
            var picture in await RunStore
                .PictureFacts(context.Pictures.Where(p => p.RunId == runId && p.Id > cursor.Picture && !p.Superseded))
                .ToListAsync(ct)
        )
        {
            cursor.Picture = picture.Id;
            messages.Add(
                picture.Kind switch
                {
                    PictureKind.Interpolation => new InterpolationReadyMessage(runId, picture),
                    PictureKind.Samples or PictureKind.Scatter => new GridReadyMessage(runId, picture),
                }
            );
        }

        foreach (
            var checkpoint in await RunStore
                .CheckpointFacts(context.Checkpoints.Where(c => c.RunId == runId && c.Id > cursor.Checkpoint))
                .ToListAsync(ct)
        )
        {
            cursor.Checkpoint = checkpoint.Id;
            messages.Add(new CheckpointMessage(runId, checkpoint));
        }

        foreach (
            var line in await context
                .Events.Where(e => e.RunId == runId && e.Id > cursor.Event)
                .OrderBy(e => e.Id)
                .Select(e => new RunEvent(e.Id, e.Attempt, e.At, e.Level, e.Message, e.State))
                .ToListAsync(ct)
        )
        {
            cursor.Event = line.Id;
            messages.Add(new LogMessage(runId, line));
        }
    }
}
