using System.Security.Cryptography;
using Npgsql;
using SmtWeb.Runs.Database;

namespace SmtWeb.Runs.Checkpoints;

/// <summary>
/// Streams a complete checkpoint (or an imported model), chunk by chunk: a chunk's bytes are handed out only after its hash was checked,
/// and no
/// connection is held while the reader is busy elsewhere.
/// </summary>
internal sealed class CheckpointReader(NpgsqlDataSource source, long checkpointId, int chunks, long bytes) : Stream
{
    private byte[] _chunk = [];
    private int _offset;
    private int _next;
    private long _position;
    private int _skip;
    private bool _model;

    public override bool CanRead => true;

    public override bool CanSeek => chunks == Math.Max(1, (bytes + CheckpointWriter.ChunkBytes - 1) / CheckpointWriter.ChunkBytes);

    public override bool CanWrite => false;

    public override long Length => bytes;

    public override long Position
    {
        get => _position;
        set => Seek(value, SeekOrigin.Begin);
    }

    /// <summary>The same over the chunks of an imported model.</summary>
    public static CheckpointReader OfModel(NpgsqlDataSource source, long modelId, int chunks, long bytes) =>
        new(source, modelId, chunks, bytes) { _model = true };

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        if (_offset == _chunk.Length && _next < chunks && !buffer.IsEmpty)
        {
            LoadAsync(CancellationToken.None).GetAwaiter().GetResult();
        }

        return Take(buffer);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_offset == _chunk.Length && _next < chunks && !buffer.IsEmpty)
        {
            await LoadAsync(cancellationToken);
        }

        return Take(buffer.Span);
    }

    public override void Flush() { }

    /// <summary>
    /// Moves to another place; nothing is read for it. All chunks but the last hold <see cref="CheckpointWriter.ChunkBytes"/>.
    /// </summary>
    public override long Seek(long offset, SeekOrigin origin)
    {
        var to = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => _position + offset,
            _ => bytes + offset,
        };
        if (to < 0 || to > bytes)
        {
            throw new IOException($"Place {to} is outside of the {bytes} bytes.");
        }

        var (chunk, inside) = ((int)(to / CheckpointWriter.ChunkBytes), (int)(to % CheckpointWriter.ChunkBytes));
        _position = to;
        if (chunk == _next - 1 && inside <= _chunk.Length)
        {
            _offset = inside;
        }
        else
        {
            (_chunk, _offset, _next, _skip) = ([], 0, chunk, inside);
        }

        return to;
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private int Take(Span<byte> buffer)
    {
        int taken = Math.Min(buffer.Length, _chunk.Length - _offset);
        _chunk.AsSpan(_offset, taken).CopyTo(buffer);
        _offset += taken;
        _position += taken;
        return taken;
    }

    private async Task LoadAsync(CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var select = connection.Sql(
            _model
                ? "SELECT sha256, bytes FROM model_chunks WHERE model_id = $1 AND index = $2"
                : "SELECT sha256, bytes FROM checkpoint_chunks WHERE checkpoint_id = $1 AND index = $2",
            checkpointId,
            _next
        );
        await using var reader = await select.ExecuteReaderAsync(ct);
        if (!await reader.ReadAsync(ct))
        {
            throw Damaged($"is missing (or the {(_model ? "model" : "checkpoint")} was removed while it was read)");
        }

        byte[] expected = reader.GetFieldValue<byte[]>(0);
        byte[] content = reader.GetFieldValue<byte[]>(1);
        if (!SHA256.HashData(content).AsSpan().SequenceEqual(expected))
        {
            throw Damaged("does not match its SHA-256");
        }

        (_chunk, _offset, _skip) = (content, Math.Min(_skip, content.Length), 0);
        _next++;
    }

    private IOException Damaged(string what) =>
        _model
            ? new IOException($"The model is damaged: chunk {_next} {what}. Delete it, import it again, and check the database's disk.")
            : new DamagedCheckpointException(checkpointId, _next, what);
}
