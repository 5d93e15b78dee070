using System.IO.Compression;
using SmtWeb.Data.Weights.Bytes;

namespace SmtWeb.Data.Weights.Archives;

/// <summary>
/// Contents of the entries of a zip archive. Stored entries stay where they are; deflated ones are unpacked into memory,
/// one at a time. The checksum is verified before the first byte is handed out.
/// </summary>
internal sealed class ZipContent(ByteSource archive)
{
    private const int Step = 1 << 20;

    // Unpacking again and again for tiny views would cost any amount of time.
    private const int MaxUnpacking = 4;

    private readonly Dictionary<string, ZipEntry> _entries = ZipDirectory.Read(archive).ToDictionary(e => e.Name, StringComparer.Ordinal);
    private readonly HashSet<string> _verified = [];
    private readonly Dictionary<string, int> _unpackings = [];
    private (string Name, byte[] Bytes)? _last;

    public IEnumerable<ZipEntry> Entries => _entries.Values;

    public ZipEntry? Find(string name) => _entries.GetValueOrDefault(name);

    /// <summary>The content of an entry.</summary>
    /// <exception cref="WeightsException">Its bytes do not match its size or checksum.</exception>
    public ByteSource Open(ZipEntry entry) => entry.Deflated ? new Deflated(this, entry) : OpenStored(entry);

    private ByteSource OpenStored(ZipEntry entry)
    {
        var content = archive.Slice(entry.DataOffset, entry.Bytes, $"zip: '{entry.Name}'");
        if (!_verified.Add(entry.Name))
        {
            return content;
        }
        var crc = new Crc32();
        var buffer = new byte[(int)Math.Min(Step, Math.Max(1, entry.Bytes))];
        for (long at = 0; at < entry.Bytes; at += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, entry.Bytes - at));
            content.Read(at, part, $"zip: '{entry.Name}'");
            crc.Append(part);
        }

        Verify(entry, crc);
        return content;
    }

    private byte[] Unpack(ZipEntry entry)
    {
        if (_last is { } kept && kept.Name == entry.Name)
        {
            return kept.Bytes;
        }
        if (entry.Bytes > Array.MaxLength)
        {
            throw new WeightsException(
                $"zip: '{entry.Name}' unpacks to {entry.Bytes} bytes, more than one array holds; store it without compression."
            );
        }
        if ((_unpackings[entry.Name] = _unpackings.GetValueOrDefault(entry.Name) + 1) > MaxUnpacking)
        {
            throw new WeightsException(
                $"zip: '{entry.Name}' would have to be unpacked more than {MaxUnpacking} times; store it without compression."
            );
        }

        _last = null;
        var bytes = new byte[(int)Math.Min(entry.Bytes, Step)];
        var filled = 0;
        try
        {
            using var stream = new DeflateStream(
                new SourceStream(archive.Slice(entry.DataOffset, entry.CompressedBytes, $"zip: '{entry.Name}'")),
                CompressionMode.Decompress
            );
            for (; ; )
            {
                if (filled == bytes.Length && filled < entry.Bytes)
                {
                    Array.Resize(ref bytes, (int)Math.Min(entry.Bytes, Math.Max(Step, bytes.Length * 2L)));
                }
                if (filled == entry.Bytes)
                {
                    break;
                }
                var got = stream.Read(bytes, filled, bytes.Length - filled);
                if (got == 0)
                {
                    throw new WeightsException($"zip: '{entry.Name}' unpacks to {filled} bytes in place of {entry.Bytes}.");
                }
                filled += got;
            }

            if (stream.ReadByte() >= 0)
            {
                throw new WeightsException($"zip: '{entry.Name}' unpacks to more than the announced {entry.Bytes} bytes.");
            }
        }
        catch (InvalidDataException e)
        {
            throw new WeightsException($"zip: '{entry.Name}' cannot be unpacked: {e.Message}", e);
        }

        var crc = new Crc32();
        crc.Append(bytes);
        Verify(entry, crc);
        _last = (entry.Name, bytes);
        return bytes;
    }

    private static void Verify(ZipEntry entry, Crc32 crc)
    {
        if (crc.Value != entry.Crc)
        {
            throw new WeightsException($"zip: the checksum of '{entry.Name}' does not match; the file is damaged.");
        }
    }

    private sealed class Deflated(ZipContent owner, ZipEntry entry) : ByteSource
    {
        public override long Length => entry.Bytes;

        protected override void Fill(long offset, Span<byte> destination) =>
            owner.Unpack(entry).AsSpan((int)offset, destination.Length).CopyTo(destination);
    }
}
