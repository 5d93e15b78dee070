using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace SmtWeb.Smt.Datasets;

/// <summary>A file inside a zip archive: where its local header lies, how it is packed (0 stored, 8 deflated), its sizes.</summary>
internal readonly record struct ZipItem(long Offset, long Packed, long Size, ushort Method, ushort NameLength);

/// <summary>
/// The directory of a zip archive, zip64 included, and reading of its files by position, which several threads may do at
/// once (ZipArchive allows one, and keeps an object for each of a million files). Nothing in the archive is trusted: sizes,
/// offsets and counts are checked against the archive, and unpacking ends at the size that the directory states.
/// </summary>
internal sealed class ZipIndex : IDisposable
{
    private const int MaxDirectory = 1 << 30;
    private const uint EndSignature = 0x06054B50, End64Signature = 0x06064B50, LocatorSignature = 0x07064B50, ItemSignature = 0x02014B50, LocalSignature = 0x04034B50;
    private const int EndLength = 22, LocatorLength = 20, ItemLength = 46, LocalLength = 30;
    private const int LocalSlack = 64; // extra field of a local header, usually shorter

    private readonly SafeFileHandle file;
    private readonly long length;
    private readonly string path;

    internal ZipIndex(string path)
    {
        this.path = path;
        file = File.OpenHandle(path, options: FileOptions.RandomAccess);
        length = RandomAccess.GetLength(file);
    }

    /// <summary>Every file, in the order of the directory.</summary>
    /// <exception cref="InvalidDataException">The directory is damaged; names the place.</exception>
    internal IEnumerable<(string Name, ZipItem Item)> Items()
    {
        var (count, start, size) = FindDirectory();
        var buffer = new byte[1 << 16];
        var (have, used, at) = (0, 0, start);
        for (long i = 0; i < count; i++)
        {
            if (!Fill(ItemLength) || U32(0) != ItemSignature) throw Damaged($"the directory has no entry {i} at byte {at - have + used}");
            var (flags, method, nameLength, rest) = (U16(8), U16(10), U16(28), U16(28) + U16(30) + U16(32));
            if (!Fill(ItemLength + rest)) throw Damaged($"the directory ends inside entry {i}");
            var name = Encoding.UTF8.GetString(buffer, used + ItemLength, nameLength);
            long packed = U32(20), unpacked = U32(24), offset = U32(42);
            Widen(buffer.AsSpan(used + ItemLength + nameLength, U16(30)), ref unpacked, ref packed, ref offset);
            if ((flags & 1) != 0) throw Damaged($"{name} is encrypted");
            if (method is not (0 or 8)) throw Damaged($"{name} is packed by method {method}; only stored (0) and deflated (8) files are read");
            if (packed < 0 || unpacked < 0 || offset < 0 || offset > length - LocalLength || packed > length - LocalLength - offset || (method == 0 && packed != unpacked))
                throw Damaged($"the directory says that {name} has {packed} bytes at {offset} of {length}");
            used += ItemLength + rest;
            yield return (name, new ZipItem(offset, packed, unpacked, method, nameLength));
        }

        // at least `wanted` bytes from `used` on
        bool Fill(int wanted)
        {
            if (have - used >= wanted) return true;
            if (wanted > buffer.Length)
            {
                var larger = new byte[wanted * 2];
                buffer.AsSpan(used, have - used).CopyTo(larger);
                buffer = larger;
            }
            else
            {
                buffer.AsSpan(used, have - used).CopyTo(buffer);
            }

            (have, used) = (have - used, 0);
            while (have < wanted)
            {
                var room = (int)Math.Min(buffer.Length - have, start + size - at);
                var read = room <= 0 ? 0 : RandomAccess.Read(file, buffer.AsSpan(have, room), at);
                if (read == 0) return false;
                have += read;
                at += read;
            }

            return true;
        }

        ushort U16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(buffer.AsSpan(used + offset));
        uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(used + offset));
    }

    /// <summary>Unpacks a file of at most <paramref name="most"/> bytes into a rented array; the caller returns it to the shared pool.</summary>
    /// <exception cref="InvalidDataException">It is larger, or damaged; the message has no file name.</exception>
    internal ArraySegment<byte> Rent(ZipItem item, int most)
    {
        if (item.Size > most || item.Packed > most) throw new InvalidDataException($"it has {Math.Max(item.Size, item.Packed):N0} bytes; at most {most:N0} are read");
        var packed = ArrayPool<byte>.Shared.Rent(LocalLength + item.NameLength + LocalSlack + (int)item.Packed);
        try
        {
            var wanted = (int)Math.Min(LocalLength + item.NameLength + LocalSlack + item.Packed, length - item.Offset);
            ReadExactly(packed.AsSpan(0, wanted), item.Offset);
            if (BinaryPrimitives.ReadUInt32LittleEndian(packed) != LocalSignature) throw new InvalidDataException($"there is no local header at byte {item.Offset}");
            var begin = LocalLength + BinaryPrimitives.ReadUInt16LittleEndian(packed.AsSpan(26)) + BinaryPrimitives.ReadUInt16LittleEndian(packed.AsSpan(28));
            if (begin + item.Packed > wanted)
            {
                if (item.Offset + begin + item.Packed > length) throw new InvalidDataException("its data lie beyond the end of the archive");
                ReadExactly(packed.AsSpan(0, (int)item.Packed), item.Offset + begin);
                begin = 0;
            }

            var target = ArrayPool<byte>.Shared.Rent((int)item.Size);
            if (item.Method == 0) packed.AsSpan(begin, (int)item.Packed).CopyTo(target);
            else Inflate(packed, begin, (int)item.Packed, target, (int)item.Size);
            return new ArraySegment<byte>(target, 0, (int)item.Size);
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
        return RandomAccess.Read(file, name, item.Offset + LocalLength) == name.Length ? Encoding.UTF8.GetString(name) : "";
    }

    public void Dispose() => file.Dispose();

    private static void Inflate(byte[] packed, int begin, int count, byte[] target, int size)
    {
        using var deflated = new DeflateStream(new MemoryStream(packed, begin, count), CompressionMode.Decompress);
        var got = deflated.ReadAtLeast(target.AsSpan(0, size), size, throwOnEndOfStream: false);
        if (got < size) throw new InvalidDataException($"it unpacks to {got} bytes; the archive says {size}");
        Span<byte> more = stackalloc byte[1];
        if (deflated.Read(more) != 0) throw new InvalidDataException($"it unpacks to more than the {size} bytes that the archive says");
    }

    private void ReadExactly(Span<byte> target, long offset)
    {
        while (target.Length > 0)
        {
            var read = RandomAccess.Read(file, target, offset);
            if (read == 0) throw new InvalidDataException("the archive ends inside it");
            offset += read;
            target = target[read..];
        }
    }

    // The end record lies in the last 65,557 bytes; a zip64 locator may stand right before it.
    private (long Count, long Start, long Size) FindDirectory()
    {
        var tail = new byte[(int)Math.Min(length, EndLength + ushort.MaxValue + LocatorLength)];
        ReadExactly(tail, length - tail.Length);
        for (var at = tail.Length - EndLength; at >= 0; at--)
        {
            var end = tail.AsSpan(at);
            if (BinaryPrimitives.ReadUInt32LittleEndian(end) != EndSignature) continue;
            long count = BinaryPrimitives.ReadUInt16LittleEndian(end[10..]), size = BinaryPrimitives.ReadUInt32LittleEndian(end[12..]), start = BinaryPrimitives.ReadUInt32LittleEndian(end[16..]);
            if (at >= LocatorLength && BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at - LocatorLength)) == LocatorSignature)
                (count, start, size) = Directory64(BinaryPrimitives.ReadInt64LittleEndian(tail.AsSpan(at - LocatorLength + 8)));
            if (start < 0 || size < 0 || size > MaxDirectory || start > length - size || count < 0 || count > size / ItemLength)
                throw Damaged($"its end says that {count} files are listed in {size} bytes at {start} of {length}");
            return (count, start, size);
        }

        throw Damaged("it is no zip archive, or its end is cut off (there is no end record)");
    }

    private (long Count, long Start, long Size) Directory64(long at)
    {
        var end = new byte[56];
        if (at < 0 || at > length - end.Length) throw Damaged($"its zip64 locator points to byte {at} of {length}");
        ReadExactly(end, at);
        if (BinaryPrimitives.ReadUInt32LittleEndian(end) != End64Signature) throw Damaged($"there is no zip64 end record at byte {at}");
        return (BinaryPrimitives.ReadInt64LittleEndian(end.AsSpan(32)), BinaryPrimitives.ReadInt64LittleEndian(end.AsSpan(48)), BinaryPrimitives.ReadInt64LittleEndian(end.AsSpan(40)));
    }

    // Extra field 1 holds, as 8 bytes each, those of the three that did not fit into 4.
    private void Widen(ReadOnlySpan<byte> extra, ref long unpacked, ref long packed, ref long offset)
    {
        while (extra.Length >= 4)
        {
            var (id, size) = (BinaryPrimitives.ReadUInt16LittleEndian(extra), BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]));
            if (size > extra.Length - 4) return;
            var field = extra.Slice(4, size);
            extra = extra[(4 + size)..];
            if (id != 1) continue;
            Take(ref field, ref unpacked);
            Take(ref field, ref packed);
            Take(ref field, ref offset);
            return;
        }

        static void Take(ref ReadOnlySpan<byte> field, ref long value)
        {
            if (value != uint.MaxValue || field.Length < 8) return;
            value = BinaryPrimitives.ReadInt64LittleEndian(field);
            field = field[8..];
        }
    }

    private InvalidDataException Damaged(string problem) => new($"{path}: {problem}.");
}
