using System.Buffers.Binary;
using SmtWeb.Data.Files;

namespace SmtWeb.Data.Weights;

/// <summary>
/// Reads safetensors once from start to end; the stream need not be seekable. The file is untrusted: whatever is wrong
/// with it is an <see cref="InvalidDataException"/> that names the tensor, before memory is taken for it.
/// </summary>
public sealed class SafetensorsReader
{
    /// <summary>Memory is taken in steps of this size, so that a header cannot claim more than the stream brings.</summary>
    private const int Step = 1 << 24;

    private readonly Stream _stream;
    private long _position;

    private SafetensorsReader(Stream stream, Dictionary<string, string> metadata, List<SafetensorsEntry> entries)
    {
        _stream = stream;
        Metadata = metadata;
        Entries = entries;
    }

    /// <summary>Free-form facts of the file.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Tensors in the order of their data.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries { get; }

    /// <summary>Reads the header; the data follow with <see cref="Read(SafetensorsEntry)"/>.</summary>
    /// <exception cref="InvalidDataException">The header is damaged, or a seekable stream is shorter or longer than it says.</exception>
    public static SafetensorsReader Open(Stream stream)
    {
        var prefix = new byte[8];
        Fill(stream, prefix, "its first 8 bytes");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length is < 2 or > SafetensorsHeader.MaxBytes)
        {
            throw new InvalidDataException(
                $"safetensors: the header claims {length} bytes; expected 2 to {SafetensorsHeader.MaxBytes}. This is probably no "
                    + "safetensors file."
            );
        }

        var (metadata, entries) = SafetensorsHeader.Parse(ReadBytes(stream, (int)length, "its header"));
        var data = entries.Count == 0 ? 0 : entries[^1].Offset + entries[^1].ByteCount;
        if (stream.CanSeek && stream.Length - stream.Position != data)
        {
            throw new InvalidDataException(
                $"safetensors: the header describes {data} bytes of data, the file holds {stream.Length - stream.Position} (cut off or "
                    + "appended to)."
            );
        }
        return new SafetensorsReader(stream, metadata, entries);
    }

    /// <summary>Reads all tensors of a file into memory.</summary>
    public static (
        IReadOnlyDictionary<string, string> Metadata,
        IReadOnlyDictionary<string, (SafetensorsEntry Entry, byte[] Bytes)> Tensors
    ) ReadFile(string path)
    {
        using var file = PlainFile.OpenRead(path);
        var reader = Open(file);
        var tensors = reader.Entries.ToDictionary(e => e.Name, e => (e, reader.Read(e)));
        reader.Finish();
        return (reader.Metadata, tensors);
    }

    /// <summary>
    /// The bytes of a tensor: little-endian, row-major. Tensors are read in the order of <see cref="Entries"/>; those
    /// left out are skipped.
    /// </summary>
    /// <exception cref="InvalidDataException">The stream ends early, or the tensor is beyond 2 GiB.</exception>
    public byte[] Read(SafetensorsEntry entry)
    {
        SkipTo(entry);
        if (entry.ByteCount > Array.MaxLength)
        {
            throw new InvalidDataException(
                $"safetensors: tensor \"{entry.Name}\" has {entry.ByteCount} bytes, more than one array can hold."
            );
        }
        var bytes = ReadBytes(_stream, (int)entry.ByteCount, $"tensor \"{entry.Name}\"");
        _position += entry.ByteCount;
        return bytes;
    }

    /// <summary>Reads a tensor into memory of just its size.</summary>
    /// <exception cref="ArgumentException">The destination has another size.</exception>
    public void Read(SafetensorsEntry entry, Span<byte> destination)
    {
        if (destination.Length != entry.ByteCount)
        {
            throw new ArgumentException(
                $"Tensor \"{entry.Name}\" has {entry.ByteCount} bytes, the destination {destination.Length}.",
                nameof(destination)
            );
        }
        SkipTo(entry);
        Fill(_stream, destination, $"tensor \"{entry.Name}\"");
        _position += entry.ByteCount;
    }

    /// <summary>Reads what is left and checks that the stream ends where the header says.</summary>
    /// <exception cref="InvalidDataException">It ends elsewhere.</exception>
    public void Finish()
    {
        if (Entries.Count > 0)
        {
            Skip(Entries[^1].Offset + Entries[^1].ByteCount - _position, $"tensor \"{Entries[^1].Name}\"");
        }
        if (_stream.ReadByte() >= 0)
        {
            throw new InvalidDataException("safetensors: there is more data than the header describes.");
        }
    }

    private void SkipTo(SafetensorsEntry entry)
    {
        if (entry.Offset < _position)
        {
            throw new InvalidOperationException($"Tensor \"{entry.Name}\" was passed already; read tensors in the order of Entries.");
        }
        Skip(entry.Offset - _position, $"the data before tensor \"{entry.Name}\"");
    }

    private void Skip(long count, string what)
    {
        var buffer = new byte[Math.Min(count, 1 << 16)];
        for (; count > 0; )
        {
            var part = (int)Math.Min(count, buffer.Length);
            Fill(_stream, buffer.AsSpan(0, part), what);
            _position += part;
            count -= part;
        }
    }

    private static byte[] ReadBytes(Stream stream, int count, string what)
    {
        var bytes = new byte[Math.Min(count, Step)];
        Fill(stream, bytes, what);
        for (var have = bytes.Length; have < count; have = bytes.Length)
        {
            Array.Resize(ref bytes, (int)Math.Min(count, Math.Max(have * 2L, Step)));
            Fill(stream, bytes.AsSpan(have), what);
        }

        return bytes;
    }

    private static void Fill(Stream stream, Span<byte> bytes, string what)
    {
        var got = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (got < bytes.Length)
        {
            throw new InvalidDataException($"safetensors: the file ends inside {what}.");
        }
    }
}
