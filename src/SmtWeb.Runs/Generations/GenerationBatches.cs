using System.Runtime.CompilerServices;
using Npgsql;
using NpgsqlTypes;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Runs.Generations;

/// <summary>
/// Large generations: what people asked for, and the images drawn so far. A batch grows piece by piece, each stored in the
/// transaction that checks its attempt; whoever takes a batch over goes on behind the last piece.
/// </summary>
public sealed class GenerationBatches(RunsDatabase database)
{
    private const string Columns =
        "id, run_id, checkpoint_id, first_seed, images, coalesce(label, -1), coalesce(steps, 0), by, state, drawn, coalesce(problem, "
        + "''), created, ended";

    /// <summary>Queues a batch; returns its id.</summary>
    public async Task<long> QueueAsync(NewGenerationBatch wanted, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        long id = await connection.ScalarAsync<long>(
            """
            INSERT INTO generation_batches (run_id, checkpoint_id, first_seed, images, label, steps, by, state, drawn, created)
            VALUES ($1, $2, $3, $4, nullif($5, -1), nullif($6, 0), $7, 'Queued', 0, now()) RETURNING id
            """,
            [wanted.RunId, wanted.CheckpointId, (decimal)wanted.FirstSeed, wanted.Images, wanted.Label ?? -1, wanted.Steps ?? 0, wanted.By],
            ct
        );
        await WorkItems.AddAsync(connection, JobQueues.Generations, id, $"{wanted.Images} images of run {wanted.RunId}", wanted.RunId, ct);
        await transaction.CommitAsync(ct);
        return id;
    }

    /// <summary>One batch, or null.</summary>
    public async Task<GenerationBatch?> FindAsync(long id, CancellationToken ct = default) =>
        (await ReadAsync($"SELECT {Columns} FROM generation_batches WHERE id = $1", [id], ct)).SingleOrDefault();

    /// <summary>The newest batches.</summary>
    public Task<IReadOnlyList<GenerationBatch>> ListAsync(int most = 100, CancellationToken ct = default) =>
        ReadAsync($"SELECT {Columns} FROM generation_batches ORDER BY id DESC LIMIT $1", [most], ct);

    /// <summary>Takes a batch back with all its images; false where there is none.</summary>
    public async Task<bool> RemoveAsync(long id, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await WorkItems.WithdrawAsync(connection, JobQueues.Generations, id, "The batch was taken back.", ct);
        bool removed = await connection.ExecuteAsync("DELETE FROM generation_batches WHERE id = $1", [id], ct) == 1;
        await transaction.CommitAsync(ct);
        return removed;
    }

    /// <summary>The pieces, in order.</summary>
    public async IAsyncEnumerable<GenerationPiece> PiecesAsync(long id, [EnumeratorCancellation] CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var select = connection.Sql(
            "SELECT first, bytes, lengths, labels FROM generation_pieces WHERE batch_id = $1 ORDER BY first",
            id
        );
        await using var reader = await select.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var (bytes, lengths) = (reader.GetFieldValue<byte[]>(1), reader.GetFieldValue<int[]>(2));
            var pngs = new List<byte[]>(lengths.Length);
            int at = 0;
            foreach (int length in lengths)
            {
                pngs.Add(bytes[at..(at + length)]);
                at += length;
            }

            yield return new(reader.GetInt32(0), pngs, reader.GetFieldValue<int[]>(3));
        }
    }

    /// <summary>A claimed batch begins or goes on; null where the attempt no longer owns it.</summary>
    public async Task<GenerationBatch?> BeginAsync(ClaimedItem work, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (!await WorkItems.HoldAsync(connection, work.Queue, work.Subject, work.Attempt, ct))
        {
            return null;
        }

        await connection.ExecuteAsync("UPDATE generation_batches SET state = 'Running' WHERE id = $1", [work.Subject], ct);
        await transaction.CommitAsync(ct);
        return await FindAsync(work.Subject, ct);
    }

    /// <summary>Stores the next piece and renews the lease; false where the attempt no longer owns the batch.</summary>
    public async Task<bool> AddAsync(ClaimedItem work, GenerationPiece piece, TimeSpan lease, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (!await WorkItems.HoldAsync(connection, work.Queue, work.Subject, work.Attempt, ct))
        {
            return false;
        }

        await connection.ExecuteAsync(
            "INSERT INTO generation_pieces (batch_id, first, bytes, lengths, labels) VALUES ($1, $2, $3, $4, $5)",
            [
                work.Subject,
                piece.First,
                new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Bytea, Value = piece.Pngs.SelectMany(p => p).ToArray() },
                piece.Pngs.Select(p => p.Length).ToArray(),
                piece.Labels.ToArray(),
            ],
            ct
        );
        await connection.ExecuteAsync(
            "UPDATE generation_batches SET drawn = $2 WHERE id = $1",
            [work.Subject, piece.First + piece.Pngs.Count],
            ct
        );
        await connection.ExecuteAsync(
            "UPDATE work_items SET lease_until = now() + $3 WHERE queue = $1 AND subject = $2",
            [work.Queue, work.Subject, lease],
            ct
        );
        await transaction.CommitAsync(ct);
        return true;
    }

    /// <summary>It is over; <paramref name="problem"/> says why images are missing, null: all are there.</summary>
    public async Task EndAsync(ClaimedItem work, string? problem, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (await WorkItems.HoldAsync(connection, work.Queue, work.Subject, work.Attempt, ct))
        {
            await WorkItems.EndAsync(connection, work.Queue, work.Subject, ct);
            await connection.ExecuteAsync(
                "UPDATE generation_batches SET state = CASE WHEN $2 = '' THEN 'Done' ELSE 'Failed' END, problem = nullif($2, ''), "
                    + "ended = now() WHERE id = $1",
                [work.Subject, problem ?? ""],
                ct
            );
        }

        await transaction.CommitAsync(ct);
    }

    /// <summary>The node closes: another goes on with the batch.</summary>
    public async Task ReleaseAsync(ClaimedItem work, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (await WorkItems.LetGoAsync(connection, work.Queue, work.Subject, work.Attempt, counts: false, ct) is not null)
        {
            await connection.ExecuteAsync("UPDATE generation_batches SET state = 'Queued' WHERE id = $1", [work.Subject], ct);
        }

        await transaction.CommitAsync(ct);
    }

    /// <summary>Removes batches that have had their time; how many.</summary>
    internal static Task<int> ExpireAsync(NpgsqlConnection connection, CancellationToken ct) =>
        connection.ExecuteAsync("DELETE FROM generation_batches WHERE ended < now() - $1", [GenerationBatch.Kept], ct);

    private async Task<IReadOnlyList<GenerationBatch>> ReadAsync(string sql, object?[] values, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var select = connection.Sql(sql, values);
        await using var reader = await select.ExecuteReaderAsync(ct);
        var found = new List<GenerationBatch>();
        while (await reader.ReadAsync(ct))
        {
            found.Add(
                new(
                    reader.GetInt64(0),
                    reader.GetInt64(1),
                    reader.GetInt64(2),
                    (ulong)reader.GetDecimal(3),
                    reader.GetInt32(4),
                    reader.GetInt32(5) is >= 0 and var label ? label : null,
                    reader.GetInt32(6) is > 0 and var steps ? steps : null,
                    reader.GetString(7),
                    Enum.Parse<GenerationBatchState>(reader.GetString(8)),
                    reader.GetInt32(9),
                    reader.GetString(10) is { Length: > 0 } problem ? problem : null,
                    reader.GetFieldValue<DateTimeOffset>(11),
                    reader.IsDBNull(12) ? null : reader.GetFieldValue<DateTimeOffset>(12)
                )
            );
        }

        return found;
    }
}
