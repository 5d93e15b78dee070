using System.Security.Cryptography;
using Npgsql;
using SmtWeb.Runs.Database;

namespace SmtWeb.Runs.Attempts;

/// <summary>
/// Streams a complete checkpoint, chunk by chunk: a chunk's bytes are handed out only after its hash was checked, and no
/// connection is held while the reader is busy elsewhere.
/// </summary>
internal sealed class CheckpointReader(NpgsqlDataSource source, long checkpointId, int chunks, long bytes) : Stream
{
    private byte[] _chunk = [];
    private int _offset;
    private int _next;
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => bytes;

    public override long Position { get => _position; set => throw new NotSupportedException(); }

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

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

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
        await using var select = connection.Sql("SELECT sha256, bytes FROM checkpoint_chunks WHERE checkpoint_id = $1 AND index = $2", checkpointId, _next);
        await using var reader = await select.ExecuteReaderAsync(ct);
        if (!await reader.ReadAsync(ct))
        {
            throw new DamagedCheckpointException(checkpointId, _next, "is missing (or the checkpoint was removed while it was read)");
        }

        byte[] expected = reader.GetFieldValue<byte[]>(0);
        byte[] content = reader.GetFieldValue<byte[]>(1);
        if (!SHA256.HashData(content).AsSpan().SequenceEqual(expected))
        {
            throw new DamagedCheckpointException(checkpointId, _next, "does not match its SHA-256");
        }

        (_chunk, _offset) = (content, 0);
        _next++;
    }
}
