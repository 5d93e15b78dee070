using System.Security.Cryptography;
using Npgsql;
using NpgsqlTypes;
using SmtWeb.Data.Files;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Session;

namespace SmtWeb.Runs.Checkpoints;

/// <summary>
/// A checkpoint being written: 8 MiB chunks, each in a transaction of its own under the fence, so that a connection lost
/// in the middle costs one chunk. Disposing before <see cref="CompleteAsync"/> removes what was written.
/// </summary>
public sealed class CheckpointWriter : WriteOnlyStream
{
    /// <summary>Bytes of a chunk.</summary>
    public const int ChunkBytes = 8 << 20;

    private readonly NpgsqlDataSource _source;
    private readonly long _runId;
    private readonly int _attempt;
    private readonly CheckpointRecord _record;
    private readonly TimeSpan _patience;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _buffer = new byte[ChunkBytes];
    private int _filled;
    private int _chunks;
    private long _bytes;
    private long? _id;
    private bool _complete;

    internal CheckpointWriter(NpgsqlDataSource source, long runId, int attempt, CheckpointRecord record, TimeSpan patience)
    {
        (_source, _runId, _attempt, _record, _patience) = (source, runId, attempt, record, patience);
    }

    /// <inheritdoc/>
    public override long Position
    {
        get => _bytes;
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int taken = Math.Min(buffer.Length, ChunkBytes - _filled);
            buffer[..taken].CopyTo(_buffer.AsSpan(_filled));
            _filled += taken;
            buffer = buffer[taken..];
            if (_filled == ChunkBytes)
            {
                // The trainer writes from a thread of its own, without a synchronisation context: waiting here cannot deadlock.
                StoreChunkAsync(CancellationToken.None).GetAwaiter().GetResult();
            }
        }
    }

    /// <summary>Makes the checkpoint visible, and prunes those beyond the number to keep; the best by distance stays.</summary>
    /// <exception cref="CheckpointWriteException">The database has no room.</exception>
    /// <exception cref="AttemptFencedException">The attempt lost the run.</exception>
    public async Task<long> CompleteAsync(CancellationToken ct = default)
    {
        if (_filled > 0 || _chunks == 0)
        {
            await StoreChunkAsync(ct);
        }

        string sha256 = Convert.ToHexStringLower(_hash.GetHashAndReset());
        await GuardAsync(
            async connection =>
            {
                await connection.ExecuteAsync(
                    "UPDATE checkpoints SET complete = true, bytes = $2, chunks = $3, sha256 = $4 WHERE id = $1",
                    [_id, _bytes, _chunks, sha256],
                    ct
                );
                // Progress that outlives the attempt: the run is not in a loop of losses.
                // It may be past the last point of the curves; pages must not show less than what the run goes on from.
                await connection.ExecuteAsync(
                    "UPDATE runs SET fruitless_attempts = 0, iteration = greatest(iteration, $2), seconds = greatest(seconds, $3) "
                        + "WHERE id = $1",
                    [_runId, _record.Iteration, _record.Seconds],
                    ct
                );
                // Before pruning: a checkpoint that is to be measured stays until it is.
                await EvaluationQueue.OnCheckpointAsync(connection, _runId, _id!.Value, ct);
                await PruneAsync(connection, ct);
                await BestDistance.UpdateAsync(connection, _runId, ct);
                await connection.NotifyAsync(new RunNotice(_runId, RunNoticeKind.Checkpoint), ct);
                await connection.NotifyAsync(new RunNotice(_runId, RunNoticeKind.Summary), ct);
            },
            ct
        );
        _complete = true;
        return _id!.Value;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
            RemoveIncomplete();
        }

        base.Dispose(disposing);
    }

    private async Task StoreChunkAsync(CancellationToken ct)
    {
        var chunk = new ReadOnlyMemory<byte>(_buffer, 0, _filled);
        byte[] sha256 = SHA256.HashData(chunk.Span);
        await GuardAsync(
            async connection =>
            {
                _id ??= await BeginAsync(connection, ct);
                await using var insert = new NpgsqlCommand(
                    "INSERT INTO checkpoint_chunks (checkpoint_id, index, sha256, bytes) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                    connection
                )
                {
                    Parameters =
                    {
                        new() { Value = _id.Value },
                        new() { Value = _chunks },
                        new() { Value = sha256 },
                        new() { NpgsqlDbType = NpgsqlDbType.Bytea, Value = chunk },
                    },
                };
                await insert.PrepareAsync(ct);
                await insert.ExecuteNonQueryAsync(ct);
            },
            ct
        );
        _hash.AppendData(chunk.Span);
        _bytes += _filled;
        _chunks++;
        _filled = 0;
    }

    private Task<long> BeginAsync(NpgsqlConnection connection, CancellationToken ct) =>
        connection.ScalarAsync<long>(
            """
            INSERT INTO checkpoints (run_id, attempt, at, iteration, images_seen, seconds, bytes, chunks, sha256, distance, reason,
                complete, damaged)
            VALUES ($1, $2, now(), $3, $4, $5, 0, 0, '', $6, $7, false, false) RETURNING id
            """,
            [
                _runId,
                _attempt,
                _record.Iteration,
                _record.ImagesSeen,
                _record.Seconds,
                new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Double, Value = (object?)_record.Distance ?? DBNull.Value },
                _record.Reason,
            ],
            ct
        );

    // Whatever is incomplete is a leftover: a run has one writer at a time.
    private Task PruneAsync(NpgsqlConnection connection, CancellationToken ct) =>
        connection.ExecuteAsync(
            """
            DELETE FROM checkpoints WHERE run_id = $1
                AND id NOT IN (SELECT id FROM checkpoints WHERE run_id = $1 AND complete AND NOT damaged
                               ORDER BY iteration DESC, id DESC LIMIT (SELECT checkpoints_kept FROM runs WHERE id = $1))
                AND id NOT IN (SELECT id FROM checkpoints WHERE run_id = $1 AND complete AND NOT damaged
                               AND distance IS NOT NULL AND distance <> 'NaN' ORDER BY distance, id LIMIT 1)
                AND id NOT IN (SELECT checkpoint_id FROM evaluation_jobs WHERE run_id = $1 AND state IN ('Queued', 'Running'))
                AND id NOT IN (SELECT checkpoint_id FROM generation_batches WHERE run_id = $1 AND state IN ('Queued', 'Running'))
            """,
            [_runId],
            ct
        );

    private async Task GuardAsync(Func<NpgsqlConnection, Task> write, CancellationToken ct)
    {
        long? idBefore = _id;
        try
        {
            await PostgresFaults.RetryAsync(
                async () =>
                {
                    try
                    {
                        await Fence.RunAsync(_source, _runId, _attempt, write, ct);
                    }
                    catch
                    {
                        // A row begun in a transaction that did not commit must be begun again; one whose commit went through
                        // unheard stays incomplete, and the next attempt removes it.
                        _id = idBefore;
                        throw;
                    }
                },
                _patience,
                ct
            );
        }
        catch (PostgresException e) when (PostgresFaults.IsOutOfRoom(e))
        {
            throw new CheckpointWriteException(
                $"The checkpoint of iteration {_record.Iteration} could not be stored after {_bytes >> 20} MiB: PostgreSQL says "
                    + $"\"{e.MessageText}\". "
                    + "Earlier checkpoints are intact. Free space on the database's disk, then resume the run.",
                e
            );
        }
    }

    private void RemoveIncomplete()
    {
        if (_complete || _id is null)
        {
            return;
        }

        try
        {
            using var connection = _source.OpenConnection();
            using var delete = connection.Sql("DELETE FROM checkpoints WHERE id = $1 AND NOT complete", _id.Value);
            delete.ExecuteNonQuery();
        }
        catch (NpgsqlException)
        {
            // The next attempt removes what is incomplete before it begins.
        }
    }
}
