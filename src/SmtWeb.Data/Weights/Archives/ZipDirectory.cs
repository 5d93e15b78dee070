using System.Text;
using SmtWeb.Data.Weights.Bytes;

namespace SmtWeb.Data.Weights.Archives;

/// <summary>One file of a zip archive. <paramref name="DataOffset"/> is the position of its (compressed) bytes.</summary>
internal sealed record ZipEntry(string Name, bool Deflated, uint Crc, long CompressedBytes, long Bytes, long HeaderOffset, long DataOffset);

/// <summary>
/// The files of a zip archive of weights from a stranger. Read strictly: the directory and the headers before the data
/// must agree, no two entries may share bytes or a name, names stay inside the archive, sizes are bounded before anything
/// is unpacked.
/// </summary>
internal static class ZipDirectory
{
    private const int MaxEntries = 100_000,
        MaxDirectoryBytes = 32 << 20,
        MaxName = 1024;

    // Weights hardly compress. Deflate itself ends at about 1032 to 1.
    private const long BombFloor = 64L << 20;
    private const long BombRatio = 64;

    /// <summary>Reads the directory; entries come in the order of the archive.</summary>
    /// <exception cref="WeightsException">The archive is damaged, hostile or uses what is not allowed.</exception>
    public static IReadOnlyList<ZipEntry> Read(ByteSource archive)
    {
        var directory = ZipRecords.Find(archive);
        if (directory.Count > MaxEntries)
        {
            throw new WeightsException($"zip: {directory.Count} entries; at most {MaxEntries} are read.");
        }
        if (directory.Size > MaxDirectoryBytes)
        {
            throw new WeightsException($"zip: a directory of {directory.Size} bytes; at most {MaxDirectoryBytes} are read.");
        }

        var entries = new List<ZipEntry>();
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var record in ZipRecords.Read(archive, directory))
        {
            var entry = CheckHeader(record, archive, directory.Offset);
            if (!names.Add(entry.Name))
            {
                throw new WeightsException($"zip: the name '{entry.Name}' appears twice.");
            }
            entries.Add(entry);
        }

        CheckLayout(entries, archive.Length);
        return entries;
    }

    private static ZipEntry CheckHeader(ZipRecord record, ByteSource archive, long directoryOffset)
    {
        var name = Name(record.Name);
        Span<byte> local = stackalloc byte[ZipRecords.HeaderBytes];
        archive.Read(record.Header, local, $"zip: the header of '{name}'");
        if (ZipRecords.U32(local, 0) != ZipRecords.HeaderSignature)
        {
            throw new WeightsException($"zip: the directory says that '{name}' begins at {record.Header}, where there is no header.");
        }
        if (
            ZipRecords.U16(local, 8) != record.Method
            || ZipRecords.U16(local, 26) != record.Name.Length
            || (ZipRecords.U16(local, 6) & 1) != 0
        )
        {
            throw new WeightsException($"zip: the header of '{name}' and the directory disagree.");
        }
        Span<byte> localName = new byte[record.Name.Length];
        archive.Read(record.Header + ZipRecords.HeaderBytes, localName, $"zip: the header of '{name}'");
        if (!localName.SequenceEqual(record.Name))
        {
            throw new WeightsException($"zip: the header of '{name}' gives another name.");
        }
        var data = record.Header + ZipRecords.HeaderBytes + record.Name.Length + ZipRecords.U16(local, 28);
        if (data > directoryOffset - record.Packed)
        {
            throw new WeightsException($"zip: '{name}' with {record.Packed} bytes at {data} runs into the directory or beyond the end.");
        }
        return new ZipEntry(name, record.Deflated, record.Crc, record.Packed, record.Size, record.Header, data);
    }

    private static string Name(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length is 0 or > MaxName)
        {
            throw new WeightsException($"zip: a name of {bytes.Length} bytes.");
        }
        var name = Encoding.UTF8.GetString(bytes);
        var shown = Pickle.PickleScan.Show(name);
        if (
            name.Any(char.IsControl)
            || name.Contains('\\')
            || name.Contains(':')
            || name[0] == '/'
            || name.Split('/').Any(part => part is ".." or ".")
        )
        {
            throw new WeightsException($"zip: the name '{shown}' leads outside of the archive or cannot be a name of torch.save.");
        }
        return name;
    }

    private static void CheckLayout(List<ZipEntry> entries, long archiveBytes)
    {
        ZipEntry? before = null;
        var unpacked = 0L;
        foreach (var entry in entries.OrderBy(e => e.HeaderOffset))
        {
            if (before is not null && entry.HeaderOffset < before.DataOffset + before.CompressedBytes)
            {
                throw new WeightsException($"zip: '{entry.Name}' and '{before.Name}' share bytes of the archive.");
            }
            before = entry;
            unpacked = entry.Bytes > long.MaxValue - unpacked ? long.MaxValue : unpacked + entry.Bytes;
        }

        if (unpacked > BombFloor && unpacked / BombRatio > archiveBytes)
        {
            throw new WeightsException(
                $"zip: the archive of {archiveBytes} bytes would unpack to {unpacked}, more than {BombRatio} times as much (a zip bomb)."
            );
        }
    }
}
