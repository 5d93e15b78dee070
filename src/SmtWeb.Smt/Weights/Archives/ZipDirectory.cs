using System.Buffers.Binary;
using System.Text;
using SmtWeb.Smt.Weights.Bytes;

namespace SmtWeb.Smt.Weights.Archives;

/// <summary>One file of a zip archive. <paramref name="DataOffset"/> is the position of its (compressed) bytes.</summary>
internal sealed record ZipEntry(string Name, bool Deflated, uint Crc, long CompressedBytes, long Bytes, long HeaderOffset, long DataOffset);

/// <summary>
/// The directory of a zip archive from a stranger. Read strictly: the central directory and the headers before the data
/// must agree, no two entries may share bytes or a name, names stay inside the archive, sizes are bounded before anything
/// is unpacked. Stored and deflated entries, zip64; no encryption, no parts on other disks.
/// </summary>
internal static class ZipDirectory
{
    private const uint EndSignature = 0x06054b50, End64Signature = 0x06064b50, Locator64Signature = 0x07064b50;
    private const uint EntrySignature = 0x02014b50, HeaderSignature = 0x04034b50;
    private const int EndBytes = 22, Locator64Bytes = 20, End64Bytes = 56, EntryBytes = 46, HeaderBytes = 30;
    private const int MaxEntries = 100_000, MaxDirectoryBytes = 32 << 20, MaxName = 1024;

    // Weights hardly compress. Deflate itself ends at about 1032 to 1.
    private const long BombFloor = 64L << 20;
    private const long BombRatio = 64;

    /// <summary>Reads the directory; entries come in the order of the archive.</summary>
    /// <exception cref="WeightsException">The archive is damaged, hostile or uses what is not allowed.</exception>
    public static IReadOnlyList<ZipEntry> Read(ByteSource archive)
    {
        var (count, size, offset) = FindDirectory(archive);
        if (count > MaxEntries) throw new WeightsException($"zip: {count} entries; at most {MaxEntries} are read.");
        if (size > MaxDirectoryBytes) throw new WeightsException($"zip: a directory of {size} bytes; at most {MaxDirectoryBytes} are read.");
        ReadOnlySpan<byte> directory = archive.Slice(offset, size, "zip: the directory").ToArray("zip: the directory");

        var entries = new List<ZipEntry>();
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (var k = 0L; k < count; k++)
        {
            var entry = ReadEntry(ref directory, archive, offset);
            if (!names.Add(entry.Name)) throw new WeightsException($"zip: the name '{entry.Name}' appears twice.");
            entries.Add(entry);
        }

        if (directory.Length > 0) throw new WeightsException($"zip: {directory.Length} bytes of the directory are left over after {count} entries.");
        CheckLayout(entries, archive.Length);
        return entries;
    }

    private static (long Count, long Size, long Offset) FindDirectory(ByteSource archive)
    {
        // The end record may be followed by a comment of up to 65535 bytes.
        var tail = (int)Math.Min(archive.Length, EndBytes + 65535);
        var start = archive.Length - tail;
        var bytes = archive.Slice(start, tail, "zip: the end").ToArray("zip: the end");
        for (var at = tail - EndBytes; at >= 0; at--)
        {
            var end = bytes.AsSpan(at);
            if (U32(end, 0) != EndSignature || EndBytes + U16(end, 20) != end.Length) continue;
            if (U16(end, 4) != 0 && U16(end, 4) != ushort.MaxValue || U16(end, 8) != U16(end, 10)) throw new WeightsException("zip: archives over several disks are not read.");
            if (ReadEnd64(archive, start + at) is { } wide) return wide;
            if (U16(end, 10) == ushort.MaxValue || U32(end, 12) == uint.MaxValue || U32(end, 16) == uint.MaxValue) throw new WeightsException("zip: the zip64 record is missing.");
            return (U16(end, 10), U32(end, 12), U32(end, 16));
        }

        throw new WeightsException("zip: there is no directory at the end of the archive; the file was cut off (an unfinished download?) or is no zip.");
    }

    private static (long Count, long Size, long Offset)? ReadEnd64(ByteSource archive, long end)
    {
        if (end < Locator64Bytes) return null;
        Span<byte> locator = stackalloc byte[Locator64Bytes];
        archive.Read(end - Locator64Bytes, locator, "zip: the zip64 locator");
        if (U32(locator, 0) != Locator64Signature) return null;
        Span<byte> record = stackalloc byte[End64Bytes];
        archive.Read(Size(U64(locator, 8)), record, "zip: the zip64 record");
        if (U32(record, 0) != End64Signature || U64(record, 24) != U64(record, 32)) throw new WeightsException("zip: the zip64 record is damaged.");
        return (Size(U64(record, 32)), Size(U64(record, 40)), Size(U64(record, 48)));
    }

    private static ZipEntry ReadEntry(ref ReadOnlySpan<byte> directory, ByteSource archive, long directoryOffset)
    {
        if (directory.Length < EntryBytes || U32(directory, 0) != EntrySignature) throw new WeightsException("zip: the directory is damaged.");
        int flags = U16(directory, 8), method = U16(directory, 10), nameBytes = U16(directory, 28), extraBytes = U16(directory, 30), commentBytes = U16(directory, 32);
        var total = EntryBytes + nameBytes + extraBytes + commentBytes;
        if (directory.Length < total) throw new WeightsException("zip: the directory ends inside an entry.");
        var name = Name(directory.Slice(EntryBytes, nameBytes));
        long bytes = U32(directory, 24), compressed = U32(directory, 20), header = U32(directory, 42);
        Widen(directory.Slice(EntryBytes + nameBytes, extraBytes), ref bytes, ref compressed, ref header);

        if ((flags & 1) != 0) throw new WeightsException($"zip: '{name}' is encrypted.");
        if (method is not 0 and not 8) throw new WeightsException($"zip: '{name}' is packed by method {method}; stored (0) and deflated (8) entries are read.");
        if (method == 0 && compressed != bytes) throw new WeightsException($"zip: '{name}' is stored, but its two sizes differ ({compressed} and {bytes}).");

        Span<byte> local = stackalloc byte[HeaderBytes];
        archive.Read(header, local, $"zip: the header of '{name}'");
        if (U32(local, 0) != HeaderSignature) throw new WeightsException($"zip: the directory says that '{name}' begins at {header}, where there is no header.");
        if (U16(local, 8) != method || U16(local, 26) != nameBytes || (U16(local, 6) & 1) != 0) throw new WeightsException($"zip: the header of '{name}' and the directory disagree.");
        Span<byte> localName = new byte[nameBytes];
        archive.Read(header + HeaderBytes, localName, $"zip: the header of '{name}'");
        if (!localName.SequenceEqual(directory.Slice(EntryBytes, nameBytes))) throw new WeightsException($"zip: the header of '{name}' gives another name.");
        var data = header + HeaderBytes + nameBytes + U16(local, 28);
        if (data > directoryOffset - compressed) throw new WeightsException($"zip: '{name}' with {compressed} bytes at {data} runs into the directory or beyond the end.");
        var crc = U32(directory, 16);
        directory = directory[total..];
        return new ZipEntry(name, method == 8, crc, compressed, bytes, header, data);
    }

    // zip64: the fields that do not fit stand in an extra field, in this order
    private static void Widen(ReadOnlySpan<byte> extra, ref long bytes, ref long compressed, ref long header)
    {
        while (extra.Length >= 4)
        {
            int id = U16(extra, 0), length = U16(extra, 2);
            if (length > extra.Length - 4) throw new WeightsException("zip: an extra field is longer than its entry.");
            var field = extra.Slice(4, length);
            extra = extra[(4 + length)..];
            if (id != 1) continue;
            Take(ref field, ref bytes);
            Take(ref field, ref compressed);
            Take(ref field, ref header);
        }

        if (bytes == uint.MaxValue || compressed == uint.MaxValue || header == uint.MaxValue) throw new WeightsException("zip: a zip64 size is missing.");
    }

    private static void Take(ref ReadOnlySpan<byte> field, ref long value)
    {
        if (value != uint.MaxValue || field.Length < 8) return;
        value = Size(U64(field, 0));
        field = field[8..];
    }

    private static string Name(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length is 0 or > MaxName) throw new WeightsException($"zip: a name of {bytes.Length} bytes.");
        var name = Encoding.UTF8.GetString(bytes);
        var shown = Pickle.PickleScan.Show(name);
        if (name.Any(char.IsControl) || name.Contains('\\') || name.Contains(':') || name[0] == '/' || name.Split('/').Any(part => part is ".." or "."))
            throw new WeightsException($"zip: the name '{shown}' leads outside of the archive or cannot be a name of torch.save.");
        return name;
    }

    private static void CheckLayout(List<ZipEntry> entries, long archiveBytes)
    {
        ZipEntry? before = null;
        var unpacked = 0L;
        foreach (var entry in entries.OrderBy(e => e.HeaderOffset))
        {
            if (before is not null && entry.HeaderOffset < before.DataOffset + before.CompressedBytes)
                throw new WeightsException($"zip: '{entry.Name}' and '{before.Name}' share bytes of the archive.");
            before = entry;
            unpacked = entry.Bytes > long.MaxValue - unpacked ? long.MaxValue : unpacked + entry.Bytes;
        }

        if (unpacked > BombFloor && unpacked / BombRatio > archiveBytes)
            throw new WeightsException($"zip: the archive of {archiveBytes} bytes would unpack to {unpacked}, more than {BombRatio} times as much (a zip bomb).");
    }

    private static long Size(ulong value) => value <= long.MaxValue ? (long)value : throw new WeightsException($"zip: a size or position of {value} bytes.");

    private static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
}
