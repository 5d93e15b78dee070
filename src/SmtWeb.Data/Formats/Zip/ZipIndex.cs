using System.Buffers;
using System.IO.Compression;
using System.Text;
using SmtWeb.Data.Weights;
using SmtWeb.Data.Weights.Archives;
using SmtWeb.Data.Weights.Bytes;

namespace SmtWeb.Data.Formats;

/// <summary>A file inside a zip archive: where its local header lies, how it is packed, its sizes and checksum.</summary>
internal readonly record struct ZipItem(long Offset, long Packed, long Size, bool Deflated, ushort NameLength, uint Crc);

/// <summary>
/// The files of a dataset zip, read by position, which several threads may do at once (ZipArchive allows one, and keeps an
/// object for each of a million files). Nothing in the archive is trusted: sizes, offsets and counts are checked against
/// the archive, and unpacking ends at the size that the directory states.
/// </summary>
internal sealed class ZipIndex(string path) : IDisposable
{
    private const int MaxDirectory = 1 << 30;
    private const int LocalSlack = 64; // extra field of a local header, usually shorter

    private readonly FileSource _file = new(path);

    /// <summary>Every file, in the order of the directory.</summary>
    /// <exception cref="InvalidDataException">The directory is damaged; names the place.</exception>
    internal List<(string Name, ZipItem Item)> Items()
    {
        try
        {
            var directory = ZipRecords.Find(_file);
            if (directory.Size > MaxDirectory)
            {
                throw new WeightsException($"zip: a directory of {directory.Size} bytes; at most {MaxDirectory} are read.");
            }
            return [.. ZipRecords.Read(_file, directory).Select(record => (Encoding.UTF8.GetString(record.Name), Item(record)))];
        }
        catch (WeightsException e)
        {
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>
    /// Unpacks a file of at most <paramref name="most"/> bytes into a rented array; the caller returns it to the shared pool.
    /// </summary>
    /// <exception cref="InvalidDataException">It is larger, or damaged; the message has no file name.</exception>
    internal ArraySegment<byte> Rent(ZipItem item, int most)
    {
        if (item.Size > most || item.Packed > most)
        {
            throw new InvalidDataException($"it has {Math.Max(item.Size, item.Packed):N0} bytes; at most {most:N0} are read");
        }
        var packed = ArrayPool<byte>.Shared.Rent(ZipRecords.HeaderBytes + item.NameLength + LocalSlack + (int)item.Packed);
        try
        {
            var wanted = (int)Math.Min(ZipRecords.HeaderBytes + item.NameLength + LocalSlack + item.Packed, _file.Length - item.Offset);
            ReadExactly(packed.AsSpan(0, wanted), item.Offset);
            if (ZipRecords.U32(packed, 0) != ZipRecords.HeaderSignature)
            {
                throw new InvalidDataException($"there is no local header at byte {item.Offset}");
            }
            var begin = ZipRecords.HeaderBytes + ZipRecords.U16(packed, 26) + ZipRecords.U16(packed, 28);
            if (begin + item.Packed > wanted)
            {
                if (item.Offset + begin + item.Packed > _file.Length)
                {
                    throw new InvalidDataException("its data lie beyond the end of the archive");
                }
                ReadExactly(packed.AsSpan(0, (int)item.Packed), item.Offset + begin);
                begin = 0;
            }

            var target = ArrayPool<byte>.Shared.Rent((int)item.Size);
            if (!item.Deflated)
            {
                packed.AsSpan(begin, (int)item.Packed).CopyTo(target);
            }
            else
            {
                Inflate(packed, begin, (int)item.Packed, target, (int)item.Size);
            }
            var crc = new Crc32();
            crc.Append(target.AsSpan(0, (int)item.Size));
            if (crc.Value == item.Crc)
            {
                return new ArraySegment<byte>(target, 0, (int)item.Size);
            }
            ArrayPool<byte>.Shared.Return(target);
            throw new InvalidDataException("its checksum (CRC-32) does not match: the archive is damaged");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(packed);
        }
    }

    /// <summary>Name of a file, from its local header; empty where that is damaged.</summary>
    internal string NameOf(ZipItem item)
    {
        var name = new byte[item.NameLength];
        try
        {
            ReadExactly(name, item.Offset + ZipRecords.HeaderBytes);
        }
        catch (InvalidDataException)
        {
            return "";
        }

        return Encoding.UTF8.GetString(name);
    }

    public void Dispose() => _file.Dispose();

    private static void Inflate(byte[] packed, int begin, int count, byte[] target, int size)
    {
        using var deflated = new DeflateStream(new MemoryStream(packed, begin, count), CompressionMode.Decompress);
        var got = deflated.ReadAtLeast(target.AsSpan(0, size), size, throwOnEndOfStream: false);
        if (got < size)
        {
            throw new InvalidDataException($"it unpacks to {got} bytes; the archive says {size}");
        }
        Span<byte> more = stackalloc byte[1];
        if (deflated.Read(more) != 0)
        {
            throw new InvalidDataException($"it unpacks to more than the {size} bytes that the archive says");
        }
    }

    private ZipItem Item(ZipRecord record) =>
        record.Header <= _file.Length - ZipRecords.HeaderBytes && record.Packed <= _file.Length - ZipRecords.HeaderBytes - record.Header
            ? new(record.Header, record.Packed, record.Size, record.Deflated, (ushort)record.Name.Length, record.Crc)
            : throw new WeightsException(
                $"zip: the directory says that '{record.Shown}' has {record.Packed} bytes at {record.Header} of {_file.Length}."
            );

    private void ReadExactly(Span<byte> target, long offset)
    {
        try
        {
            _file.Read(offset, target, "the archive");
        }
        catch (WeightsException e)
        {
            throw new InvalidDataException("the archive ends inside it", e);
        }
    }
}
