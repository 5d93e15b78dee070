using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using SmtWeb.Data.Settings;
using SmtWeb.Runs.Database;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Runs;

/// <summary>
/// The checkpoint that a new run is forked from. It is copied whole, inside the database: the fork outlives its parent and the parent's
/// pruning. What was measured at that very iteration comes with it, so that the fork's curves begin where it forked.
/// </summary>
internal sealed record ForkSource(long RunId, string RunName, long CheckpointId, long Iteration, double Seconds, bool SameData)
{
    private const int CopyTimeout = 600; // seconds: checkpoints of large networks are gigabytes

    // Distances from other data would say nothing of the fork's; its pictures neither.
    private static readonly (string Table, string Columns, string Which, bool OfOtherData)[] Series =
    [
        ("metrics", "name, iteration, images_seen, seconds, value", "name NOT LIKE 'distance/%'", true),
        ("metrics", "name, iteration, images_seen, seconds, value", "name LIKE 'distance/%'", false),
        ("evaluations", "at, metric, value, iteration, record, ranks", "ranks", false),
        ("pictures", "kind, iteration, images_seen, rows, columns, cell_size, row_labels, png", "true", false),
    ];

    /// <summary>How a run says it.</summary>
    public string Words => $"forked from run {RunId} ({RunName}) at iteration {Iteration:N0}";

    /// <exception cref="SpecException">There is no such checkpoint, or <paramref name="spec"/> does not fit it.</exception>
    public static async Task<ForkSource> FindAsync(RunsDatabase database, ForkPoint point, TrainingSpec spec, CancellationToken ct)
    {
        await using var context = await database.ContextAsync(ct);
        var parent =
            await context
                .Runs.Where(r => r.Id == point.RunId && r.Trashed == null)
                .Select(r => new { r.Name, r.Spec })
                .SingleOrDefaultAsync(ct)
            ?? throw new SpecException([new("$.fork.run", $"Run {point.RunId} does not exist.")]);
        var whole = context.Checkpoints.Where(c => c.RunId == point.RunId && c.Complete && !c.Damaged);
        var checkpoint = await whole
            .Where(c => point.CheckpointId == null || c.Id == point.CheckpointId)
            .OrderByDescending(c => c.Iteration)
            .ThenByDescending(c => c.Id)
            .FirstOrDefaultAsync(ct);
        if (checkpoint is null)
        {
            var ids = await whole.OrderBy(c => c.Id).Select(c => c.Id).ToListAsync(ct);
            throw Refused(
                ids.Count == 0
                    ? $"Run {point.RunId} has no checkpoint; clone it to begin anew."
                    : $"Run {point.RunId} has no checkpoint {point.CheckpointId}; it has {string.Join(", ", ids)}."
            );
        }

        var its = SpecJson.ReadStored(parent.Spec);
        var errors = ForkRules.Check(its, spec, checkpoint.Iteration);
        return errors.Count == 0
            ? new(
                point.RunId,
                parent.Name,
                checkpoint.Id,
                checkpoint.Iteration,
                checkpoint.Seconds,
                ForkRules.SameData(its.Data, spec.Data)
            )
            : throw new SpecException(errors);
    }

    /// <summary>Whether a run is a fork that has lost the checkpoint it began from: from the start it would be another run.</summary>
    public static async Task<bool> IsWithoutCheckpointAsync(RunsDatabase database, long runId, CancellationToken ct)
    {
        await using var context = await database.ContextAsync(ct);
        return await context.Runs.AnyAsync(
            r => r.Id == runId && r.ParentRunId != null && !context.Checkpoints.Any(c => c.RunId == runId && c.Complete && !c.Damaged),
            ct
        );
    }

    /// <summary>Copies the checkpoint, checking each chunk, and what was measured there.</summary>
    /// <exception cref="SpecException">It is gone meanwhile, is damaged, or the database has no room.</exception>
    public async Task CopyAsync(NpgsqlConnection connection, long runId, CancellationToken ct)
    {
        try
        {
            await CheckpointAsync(connection, runId, ct);
        }
        catch (PostgresException e) when (PostgresFaults.IsOutOfRoom(e))
        {
            throw Refused($"The checkpoint could not be copied: PostgreSQL says \"{e.MessageText}\". Free space on the database's disk.");
        }

        foreach (var (table, columns, which, ofOtherData) in Series)
        {
            if (SameData || ofOtherData)
            {
                await connection.ExecuteAsync(
                    $"""
                    INSERT INTO {table} (run_id, attempt, superseded, {columns})
                    SELECT $2, 1, false, {columns} FROM {table} WHERE run_id = $1 AND iteration = $3 AND NOT superseded
                        AND {which} ORDER BY id
                    """,
                    [RunId, runId, Iteration],
                    ct
                );
            }
        }

        await connection.ExecuteAsync(
            """
            UPDATE runs SET distance_metric = e.metric, distance = e.value, best_distance = nullif(e.value, 'NaN')
            FROM (SELECT metric, value FROM evaluations WHERE run_id = $1 ORDER BY id DESC LIMIT 1) e WHERE runs.id = $1
            """,
            [runId],
            ct
        );
    }

    private async Task CheckpointAsync(NpgsqlConnection connection, long runId, CancellationToken ct)
    {
        // held, so that it is not pruned while it is copied
        int chunks =
            await connection.ScalarAsync<int?>(
                "SELECT chunks FROM checkpoints WHERE id = $1 AND complete AND NOT damaged FOR SHARE",
                [CheckpointId],
                ct
            ) ?? throw Refused($"Checkpoint {CheckpointId} of run {RunId} has just been removed. Choose another.");
        long copy = await connection.ScalarAsync<long>(
            """
            INSERT INTO checkpoints (run_id, attempt, at, iteration, images_seen, seconds, bytes, chunks, sha256, distance, reason,
                complete, damaged)
            SELECT $2, 1, now(), iteration, images_seen, seconds, bytes, chunks, sha256, CASE WHEN $3 THEN distance END, $4, true, false
                FROM checkpoints WHERE id = $1
            RETURNING id
            """,
            [CheckpointId, runId, new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Boolean, Value = SameData }, Words],
            ct
        );
        await using var insert = connection.Sql(
            """
            INSERT INTO checkpoint_chunks (checkpoint_id, index, sha256, bytes)
            SELECT $2, index, c.sha256, bytes FROM checkpoint_chunks c WHERE checkpoint_id = $1 AND sha256(bytes) = c.sha256
            """,
            CheckpointId,
            copy
        );
        insert.CommandTimeout = CopyTimeout;
        if (await insert.ExecuteNonQueryAsync(ct) != chunks)
        {
            throw Refused(
                $"Checkpoint {CheckpointId} of run {RunId} is damaged: its bytes do not match their SHA-256. Fork from another one, and "
                    + "check the database's disk."
            );
        }
    }

    private static SpecException Refused(string why) => new([new("$.fork.checkpoint", why)]);
}
