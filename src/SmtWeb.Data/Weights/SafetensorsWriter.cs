using System.Buffers.Binary;
using System.Text.Json;
using SmtWeb.Data.Files;

namespace SmtWeb.Data.Weights;

/// <summary>
/// A tensor to be written. <paramref name="Write"/> is called once and writes exactly the tensor's bytes, little-endian
/// and row-major, so that a checkpoint never exists twice in memory.
/// </summary>
public sealed record SafetensorsSource(string Name, SafetensorsType Type, IReadOnlyList<long> Shape, Action<Stream> Write)
{
    /// <summary>A tensor that is in memory already.</summary>
    public SafetensorsSource(string name, SafetensorsType type, IReadOnlyList<long> shape, ReadOnlyMemory<byte> bytes)
        : this(name, type, shape, stream => stream.Write(bytes.Span)) { }

    /// <summary>Bytes that the shape takes.</summary>
    public long ByteCount => Shape.Aggregate((long)Type.Size(), (product, side) => checked(product * side));
}

/// <summary>Writes safetensors to a stream that need not be seekable.</summary>
public static class SafetensorsWriter
{
    /// <summary>
    /// Writes a file. Wider number formats come first, otherwise the order is kept: with the header padded to 8 bytes,
    /// every tensor is aligned to its element.
    /// </summary>
    /// <exception cref="ArgumentException">A name is taken twice or reserved.</exception>
    /// <exception cref="InvalidOperationException">A source wrote another number of bytes than its shape takes.</exception>
    public static void Write(Stream stream, IEnumerable<SafetensorsSource> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = tensors.OrderByDescending(t => t.Type.Size()).ToList();
        stream.Write(Prefix(ordered, metadata));
        var counted = new CountingStream(stream);
        foreach (var tensor in ordered)
        {
            counted.Count = 0;
            tensor.Write(counted);
            if (counted.Count != tensor.ByteCount)
            {
                throw new InvalidOperationException(
                    $"Tensor \"{tensor.Name}\" wrote {counted.Count} bytes; {tensor.Type} [{string.Join(",", tensor.Shape)}] takes "
                        + $"{tensor.ByteCount}."
                );
            }
        }
    }

    /// <summary>What comes before the data of tensors that follow in this order: for files that are written over hours, in parts.</summary>
    /// <exception cref="ArgumentException">A name is taken twice or reserved.</exception>
    internal static byte[] Prefix(IReadOnlyList<SafetensorsSource> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        var header = Header(tensors, metadata);
        var prefix = new byte[8 + header.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
        header.CopyTo(prefix, 8);
        return prefix;
    }

    private static byte[] Header(IReadOnlyList<SafetensorsSource> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(SafetensorsHeader.MetadataName);
                foreach (var (key, value) in metadata)
                {
                    json.WriteString(key, value);
                }
                json.WriteEndObject();
            }

            long offset = 0;
            var names = new HashSet<string> { SafetensorsHeader.MetadataName };
            foreach (var tensor in tensors)
            {
                if (!names.Add(tensor.Name))
                {
                    throw new ArgumentException($"The tensor name \"{tensor.Name}\" is taken twice or reserved.", nameof(tensors));
                }
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Type.ToString());
                WriteNumbers(json, "shape", tensor.Shape);
                WriteNumbers(json, "data_offsets", [offset, offset += tensor.ByteCount]);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (buffer.Length % 8 != 0)
        {
            buffer.WriteByte((byte)' ');
        }
        return buffer.Length <= SafetensorsHeader.MaxBytes
            ? buffer.ToArray()
            : throw new ArgumentException(
                $"The header would take {buffer.Length} bytes; the format allows {SafetensorsHeader.MaxBytes}.",
                nameof(tensors)
            );
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, IReadOnlyList<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (var number in numbers)
        {
            json.WriteNumberValue(number);
        }
        json.WriteEndArray();
    }

    /// <summary>Counts what passes through, and keeps a source from closing or flushing the file.</summary>
    private sealed class CountingStream(Stream inner) : WriteOnlyStream
    {
        public long Count { get; set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            inner.Write(buffer);
            Count += buffer.Length;
        }
    }
}
