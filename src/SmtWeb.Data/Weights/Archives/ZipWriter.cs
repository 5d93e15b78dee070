using System.Buffers.Binary;
using System.Text;
using SmtWeb.Data.Files;
using SmtWeb.Data.Weights.Bytes;

namespace SmtWeb.Data.Weights.Archives;

/// <summary>
/// Writes a zip archive as PyTorch wants it: stored entries whose data begin at multiples of 64 bytes (so that it can be
/// mapped into memory), zip64 where the archive is beyond 4 GiB. The stream is seekable: sizes are patched in afterwards.
/// </summary>
internal sealed class ZipWriter(Stream stream)
{
    private const int Alignment = 64;
    private const int HeaderBytes = 30;
    private const uint Wide = uint.MaxValue;

    // 1980-01-01: an archive of the same weights has the same bytes
    private const uint Date = 0x00210000;

    private readonly List<(byte[] Name, uint Crc, long Bytes, long Header)> _entries = [];

    /// <summary>Adds an entry; <paramref name="write"/> writes its content once.</summary>
    /// <exception cref="InvalidOperationException">The content is 4 GiB or more.</exception>
    public void Add(string name, Action<Stream> write)
    {
        var header = stream.Position;
        var nameBytes = Encoding.UTF8.GetBytes(name);
        // the padding is an extra field of its own, as PyTorch writes it ("FB")
        var data = header + HeaderBytes + nameBytes.Length + 4;
        var padding = (int)((Alignment - (data % Alignment)) % Alignment);
        Span<byte> fixedPart = stackalloc byte[HeaderBytes];
        Header(fixedPart, nameBytes.Length, 4 + padding, 0, 0);
        stream.Write(fixedPart);
        stream.Write(nameBytes);
        Span<byte> extra = stackalloc byte[4 + Alignment];
        extra = extra[..(4 + padding)];
        extra.Fill((byte)'Z');
        "FB"u8.CopyTo(extra);
        BinaryPrimitives.WriteUInt16LittleEndian(extra[2..], (ushort)padding);
        stream.Write(extra);

        var counted = new ChecksumStream(stream);
        write(counted);
        if (counted.Count >= Wide)
        {
            throw new InvalidOperationException(
                $"'{name}' has {counted.Count} bytes; one tensor of 4 GiB or more cannot be written to .pth. Export safetensors."
            );
        }
        var end = stream.Position;
        stream.Position = header;
        Header(fixedPart, nameBytes.Length, 4 + padding, counted.Crc, (uint)counted.Count);
        stream.Write(fixedPart);
        stream.Position = end;
        _entries.Add((nameBytes, counted.Crc, counted.Count, header));
    }

    /// <summary>Writes the directory.</summary>
    public void Finish()
    {
        var start = stream.Position;
        Span<byte> record = stackalloc byte[46];
        Span<byte> extra = stackalloc byte[12];
        foreach (var (name, crc, bytes, header) in _entries)
        {
            var wide = header >= Wide;
            record.Clear();
            U32(record, 0, 0x02014b50);
            U16(record, 4, wide ? 45 : 20);
            U16(record, 6, wide ? 45 : 20);
            U16(record, 8, 0x0800); // names are UTF-8
            U32(record, 12, Date);
            U32(record, 16, crc);
            U32(record, 20, (uint)bytes);
            U32(record, 24, (uint)bytes);
            U16(record, 28, name.Length);
            U16(record, 30, wide ? 12 : 0);
            U32(record, 42, wide ? Wide : (uint)header);
            stream.Write(record);
            stream.Write(name);
            if (!wide)
            {
                continue;
            }
            U16(extra, 0, 1);
            U16(extra, 2, 8);
            BinaryPrimitives.WriteInt64LittleEndian(extra[4..], header);
            stream.Write(extra);
        }

        End(start, stream.Position - start);
    }

    private void End(long start, long size)
    {
        var at = stream.Position;
        var wide = start >= Wide || size >= Wide || _entries.Count >= ushort.MaxValue;
        if (wide)
        {
            Span<byte> record = stackalloc byte[76];
            record.Clear();
            U32(record, 0, 0x06064b50);
            BinaryPrimitives.WriteInt64LittleEndian(record[4..], 44);
            U16(record, 12, 45);
            U16(record, 14, 45);
            BinaryPrimitives.WriteInt64LittleEndian(record[24..], _entries.Count);
            BinaryPrimitives.WriteInt64LittleEndian(record[32..], _entries.Count);
            BinaryPrimitives.WriteInt64LittleEndian(record[40..], size);
            BinaryPrimitives.WriteInt64LittleEndian(record[48..], start);
            U32(record, 56, 0x07064b50);
            BinaryPrimitives.WriteInt64LittleEndian(record[64..], at);
            U32(record, 72, 1);
            stream.Write(record);
        }

        Span<byte> end = stackalloc byte[22];
        end.Clear();
        U32(end, 0, 0x06054b50);
        U16(end, 8, wide ? ushort.MaxValue : _entries.Count);
        U16(end, 10, wide ? ushort.MaxValue : _entries.Count);
        U32(end, 12, wide ? Wide : (uint)size);
        U32(end, 16, wide ? Wide : (uint)start);
        stream.Write(end);
    }

    private static void Header(Span<byte> header, int name, int extra, uint crc, uint bytes)
    {
        header.Clear();
        U32(header, 0, 0x04034b50);
        U16(header, 4, 20);
        U16(header, 6, 0x0800);
        U32(header, 10, Date);
        U32(header, 14, crc);
        U32(header, 18, bytes);
        U32(header, 22, bytes);
        U16(header, 26, name);
        U16(header, 28, extra);
    }

    private static void U16(Span<byte> bytes, int at, int value) => BinaryPrimitives.WriteUInt16LittleEndian(bytes[at..], (ushort)value);

    private static void U32(Span<byte> bytes, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes[at..], value);

    /// <summary>Counts and sums what passes through.</summary>
    private sealed class ChecksumStream(Stream inner) : WriteOnlyStream
    {
        private Crc32 _crc = new();

        public long Count { get; private set; }

        public uint Crc => _crc.Value;

        public override long Position
        {
            get => Count;
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            inner.Write(buffer);
            _crc.Append(buffer);
            Count += buffer.Length;
        }
    }
}
