using System.Buffers.Binary;
using SmtWeb.Data.Weights.Bytes;

namespace SmtWeb.Data.Weights.Archives;

/// <summary>
/// What the directory of a zip archive says about one file. Whoever uses it checks it against the archive and against its own bounds.
/// </summary>
/// <param name="Name">Name as it stands, in bytes.</param>
/// <param name="Method">How it is packed: 0 stored, 8 deflated.</param>
/// <param name="Crc">Checksum of the unpacked bytes.</param>
/// <param name="Packed">Bytes in the archive.</param>
/// <param name="Size">Bytes when unpacked.</param>
/// <param name="Header">Position of the header before its bytes.</param>
internal readonly record struct ZipRecord(byte[] Name, ushort Method, uint Crc, long Packed, long Size, long Header)
{
    /// <summary>Its bytes are deflated; otherwise they are stored as they are.</summary>
    internal bool Deflated => Method == 8;

    /// <summary>Its name for messages.</summary>
    internal string Shown => Pickle.PickleScan.Show(System.Text.Encoding.UTF8.GetString(Name));
}

/// <summary>
/// The directory of a zip archive from a stranger, zip64 included, read once from start to end with a small buffer: a data
/// set has a million entries. Stored and deflated files; no encryption, no parts on other disks.
/// </summary>
internal static class ZipRecords
{
    internal const uint HeaderSignature = 0x04034b50;
    internal const int HeaderBytes = 30;

    private const uint EndSignature = 0x06054b50,
        End64Signature = 0x06064b50,
        Locator64Signature = 0x07064b50,
        RecordSignature = 0x02014b50;
    private const int EndBytes = 22,
        Locator64Bytes = 20,
        End64Bytes = 56,
        RecordBytes = 46,
        MaxComment = ushort.MaxValue;
    private const int BufferBytes = 1 << 18; // more than any one record: 46 bytes and three fields of 65,535

    /// <summary>Where the directory lies.</summary>
    /// <exception cref="WeightsException">There is none, or it cannot be where it is said to be.</exception>
    internal static (long Count, long Size, long Offset) Find(ByteSource archive)
    {
        var (count, size, offset) = ReadEnd(archive);
        return offset <= archive.Length - size && count <= size / RecordBytes
            ? (count, size, offset)
            : throw new WeightsException($"zip: {count} files are listed in {size} bytes at {offset}; the archive has {archive.Length}.");
    }

    /// <summary>Every file, in the order of the directory, which <see cref="Find"/> found.</summary>
    /// <exception cref="WeightsException">The directory is damaged, or a file is packed in a way that is not read.</exception>
    internal static IEnumerable<ZipRecord> Read(ByteSource archive, (long Count, long Size, long Offset) directory)
    {
        var buffer = new byte[(int)Math.Min(BufferBytes, directory.Size)];
        var (have, used, at, end) = (0, 0, directory.Offset, directory.Offset + directory.Size);
        for (long k = 0; k < directory.Count; k++)
        {
            if (!Fill(RecordBytes) || U32(buffer, used) != RecordSignature)
            {
                throw new WeightsException(
                    $"zip: the directory is damaged: there is no entry {k} of {directory.Count} at byte {at - have + used}."
                );
            }
            var total = RecordBytes + U16(buffer, used + 28) + U16(buffer, used + 30) + U16(buffer, used + 32);
            if (!Fill(total))
            {
                throw new WeightsException($"zip: the directory ends inside entry {k} of {directory.Count}.");
            }
            yield return Parse(buffer.AsSpan(used, total));
            used += total;
        }

        if (at - have + used != end)
        {
            throw new WeightsException(
                $"zip: {end - (at - have + used)} bytes of the directory are left over after {directory.Count} entries."
            );
        }

        // at least `wanted` bytes from `used` on
        bool Fill(int wanted)
        {
            if (have - used >= wanted)
            {
                return true;
            }
            buffer.AsSpan(used, have - used).CopyTo(buffer);
            (have, used) = (have - used, 0);
            var more = (int)Math.Min(buffer.Length - have, end - at);
            archive.Read(at, buffer.AsSpan(have, more), "zip: the directory");
            (have, at) = (have + more, at + more);
            return have >= wanted;
        }
    }

    internal static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    internal static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static (long Count, long Size, long Offset) ReadEnd(ByteSource archive)
    {
        // the end record may be followed by a comment
        var tail = (int)Math.Min(archive.Length, EndBytes + MaxComment);
        var start = archive.Length - tail;
        var bytes = archive.Slice(start, tail, "zip: the end").ToArray("zip: the end");
        for (var at = tail - EndBytes; at >= 0; at--)
        {
            var end = bytes.AsSpan(at);
            if (U32(end, 0) != EndSignature || EndBytes + U16(end, 20) != end.Length)
            {
                continue;
            }
            if ((U16(end, 4) != 0 && U16(end, 4) != ushort.MaxValue) || U16(end, 8) != U16(end, 10))
            {
                throw new WeightsException("zip: archives over several disks are not read.");
            }
            if (ReadEnd64(archive, start + at) is { } wide)
            {
                return wide;
            }
            // 65,535 files need no zip64 record; sizes and positions of 4 GiB do
            if (U32(end, 12) == uint.MaxValue || U32(end, 16) == uint.MaxValue)
            {
                throw new WeightsException("zip: the zip64 record is missing.");
            }
            return (U16(end, 10), U32(end, 12), U32(end, 16));
        }

        throw new WeightsException(
            "zip: there is no directory at the end of the archive; the file was cut off (an unfinished download?) or is no zip."
        );
    }

    private static (long Count, long Size, long Offset)? ReadEnd64(ByteSource archive, long end)
    {
        if (end < Locator64Bytes)
        {
            return null;
        }
        Span<byte> locator = stackalloc byte[Locator64Bytes];
        archive.Read(end - Locator64Bytes, locator, "zip: the zip64 locator");
        if (U32(locator, 0) != Locator64Signature)
        {
            return null;
        }
        Span<byte> record = stackalloc byte[End64Bytes];
        archive.Read(Long(locator, 8), record, "zip: the zip64 record");
        if (U32(record, 0) != End64Signature || Long(record, 24) != Long(record, 32))
        {
            throw new WeightsException("zip: the zip64 record is damaged.");
        }
        return (Long(record, 32), Long(record, 40), Long(record, 48));
    }

    private static ZipRecord Parse(ReadOnlySpan<byte> record)
    {
        int flags = U16(record, 8),
            nameBytes = U16(record, 28),
            extraBytes = U16(record, 30);
        long size = U32(record, 24),
            packed = U32(record, 20),
            header = U32(record, 42);
        Widen(record.Slice(RecordBytes + nameBytes, extraBytes), ref size, ref packed, ref header);
        var read = new ZipRecord(record.Slice(RecordBytes, nameBytes).ToArray(), U16(record, 10), U32(record, 16), packed, size, header);
        if ((flags & 1) != 0)
        {
            throw new WeightsException($"zip: '{read.Shown}' is encrypted.");
        }
        if (read.Method is not 0 and not 8)
        {
            throw new WeightsException(
                $"zip: '{read.Shown}' is packed by method {read.Method}; stored (0) and deflated (8) entries are read."
            );
        }
        if (read.Method == 0 && packed != size)
        {
            throw new WeightsException($"zip: '{read.Shown}' is stored, but its two sizes differ ({packed} and {size}).");
        }
        return read;
    }

    // zip64: the fields that do not fit stand in an extra field, in this order
    private static void Widen(ReadOnlySpan<byte> extra, ref long size, ref long packed, ref long header)
    {
        while (extra.Length >= 4)
        {
            int id = U16(extra, 0),
                length = U16(extra, 2);
            if (length > extra.Length - 4)
            {
                throw new WeightsException("zip: an extra field is longer than its entry.");
            }
            var field = extra.Slice(4, length);
            extra = extra[(4 + length)..];
            if (id != 1)
            {
                continue;
            }
            Take(ref field, ref size);
            Take(ref field, ref packed);
            Take(ref field, ref header);
        }

        if (size == uint.MaxValue || packed == uint.MaxValue || header == uint.MaxValue)
        {
            throw new WeightsException("zip: a zip64 size is missing.");
        }
    }

    private static void Take(ref ReadOnlySpan<byte> field, ref long value)
    {
        if (value != uint.MaxValue || field.Length < 8)
        {
            return;
        }
        value = Long(field, 0);
        field = field[8..];
    }

    private static long Long(ReadOnlySpan<byte> bytes, int at)
    {
        var value = BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
        return value <= long.MaxValue ? (long)value : throw new WeightsException($"zip: a size or position of {value} bytes.");
    }
}
