using Microsoft.Win32.SafeHandles;
using SmtWeb.Data.Files;

namespace SmtWeb.Data.Weights.Bytes;

/// <summary>
/// Bytes at random positions: a file, a stretch of one, or memory. Readers keep positions instead of bytes, so that a
/// file of gigabytes costs memory only for the tensor in hand.
/// </summary>
internal abstract class ByteSource
{
    public abstract long Length { get; }

    /// <summary>Fills <paramref name="destination"/> from <paramref name="offset"/> on.</summary>
    /// <exception cref="WeightsException">The source ends before.</exception>
    public void Read(long offset, Span<byte> destination, string what)
    {
        if (offset < 0 || offset > Length - destination.Length)
        {
            throw new WeightsException(
                $"The file ends inside {what}: {destination.Length} bytes are wanted at {offset}, there are {Math.Max(0, Length - offset)}."
            );
        }
        Fill(offset, destination);
    }

    /// <summary>A stretch of this source; out of bounds is an error now, not when it is read.</summary>
    /// <exception cref="WeightsException">The stretch is not inside.</exception>
    public ByteSource Slice(long offset, long length, string what)
    {
        if (offset < 0 || length < 0 || offset > Length - length)
        {
            throw new WeightsException(
                $"{what} is announced with {length} bytes at {offset}; there are {Length} bytes in all (cut off or damaged)."
            );
        }
        return new SliceSource(this, offset, length);
    }

    /// <summary>All bytes in memory; the caller has checked <see cref="Length"/>.</summary>
    public byte[] ToArray(string what)
    {
        var bytes = new byte[Length];
        Read(0, bytes, what);
        return bytes;
    }

    /// <summary>Fills from a position inside the source.</summary>
    protected abstract void Fill(long offset, Span<byte> destination);

    private sealed class SliceSource(ByteSource parent, long start, long length) : ByteSource
    {
        public override long Length => length;

        protected override void Fill(long offset, Span<byte> destination) => parent.Fill(start + offset, destination);
    }
}

/// <summary>Bytes in memory.</summary>
internal sealed class MemorySource(ReadOnlyMemory<byte> bytes) : ByteSource
{
    public override long Length => bytes.Length;

    protected override void Fill(long offset, Span<byte> destination) =>
        bytes.Span.Slice((int)offset, destination.Length).CopyTo(destination);
}

/// <summary>A file on disk, opened for reading only.</summary>
internal sealed class FileSource : ByteSource, IDisposable
{
    private readonly SafeFileHandle _handle;

    /// <exception cref="IOException">There is none, or it is no regular file.</exception>
    public FileSource(string path)
    {
        _handle = PlainFile.OpenHandle(path);
        Length = RandomAccess.GetLength(_handle);
    }

    public override long Length { get; }

    public void Dispose() => _handle.Dispose();

    protected override void Fill(long offset, Span<byte> destination)
    {
        for (; destination.Length > 0; )
        {
            var got = RandomAccess.Read(_handle, destination, offset);
            if (got == 0)
            {
                throw new WeightsException($"The file became shorter while it was read (at byte {offset}).");
            }
            destination = destination[got..];
            offset += got;
        }
    }
}
