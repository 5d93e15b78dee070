using System.Security.Cryptography;
using Npgsql;
using NpgsqlTypes;
using SmtWeb.Data.Files;
using SmtWeb.Runs.Checkpoints;

namespace SmtWeb.Runs.Weights;

/// <summary>
/// The bytes of a model on their way into chunks, inside the caller's transaction. It is written from a thread of its own
/// and uses PostgreSQL synchronously there.
/// </summary>
internal sealed class ModelWriter(NpgsqlConnection connection, long modelId, CancellationToken ct) : WriteOnlyStream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _buffer = new byte[CheckpointWriter.ChunkBytes];
    private int _filled;
    private int _chunks;
    private long _bytes;

    public override long Position
    {
        get => _bytes + _filled;
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int taken = Math.Min(buffer.Length, _buffer.Length - _filled);
            buffer[..taken].CopyTo(_buffer.AsSpan(_filled));
            _filled += taken;
            buffer = buffer[taken..];
            if (_filled == _buffer.Length)
            {
                Store();
            }
        }
    }

    /// <summary>Stores what is left; length, number of chunks and SHA-256 of the whole.</summary>
    public (long Bytes, int Chunks, string Sha256) Finish()
    {
        if (_filled > 0)
        {
            Store();
        }

        return (_bytes, _chunks, Convert.ToHexStringLower(_hash.GetHashAndReset()));
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Store()
    {
        ct.ThrowIfCancellationRequested();
        var chunk = new ReadOnlyMemory<byte>(_buffer, 0, _filled);
        using var insert = new NpgsqlCommand(
            "INSERT INTO model_chunks (model_id, index, sha256, bytes) VALUES ($1, $2, $3, $4)",
            connection
        )
        {
            Parameters =
            {
                new() { Value = modelId },
                new() { Value = _chunks },
                new() { Value = SHA256.HashData(chunk.Span) },
                new() { NpgsqlDbType = NpgsqlDbType.Bytea, Value = chunk },
            },
        };
        insert.Prepare();
        insert.ExecuteNonQuery();
        _hash.AppendData(chunk.Span);
        _bytes += _filled;
        _chunks++;
        _filled = 0;
    }
}
