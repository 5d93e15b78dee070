using System.IO.Compression;
using System.Text;
using SmtWeb.Data.Files;

namespace SmtWeb.Data.Formats;

/// <summary>
/// Reads regular files out of a tar archive, plain or gzip-compressed, from its start to its end. Nothing is written to
/// disk, names are only compared, and both a file and the whole are bounded, so that a small archive cannot unpack to a large one.
/// </summary>
internal static class TarFile
{
    private const int Block = 512;
    private const long MaxTotal = 4L << 30;

    /// <summary>Contents of the files that <paramref name="wanted"/> chooses by name, in the archive's order.</summary>
    /// <exception cref="InvalidDataException">It is no such archive; names the place.</exception>
    public static List<(string Name, byte[] Content)> Read(string path, Func<string, bool> wanted, int maxFile)
    {
        using var file = PlainFile.OpenRead(path);
        var zipped = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
        file.Position = 0;
        try
        {
            if (!zipped)
            {
                return Read(file, path, wanted, maxFile);
            }
            using var plain = new GZipStream(file, CompressionMode.Decompress);
            return Read(plain, path, wanted, maxFile);
        }
        catch (InvalidDataException e) when (!e.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw new InvalidDataException($"{path}: the gzip data are damaged: {e.Message}", e);
        }
    }

    private static List<(string Name, byte[] Content)> Read(Stream stream, string path, Func<string, bool> wanted, int maxFile)
    {
        var found = new List<(string, byte[])>();
        var header = new byte[Block];
        var buffer = new byte[1 << 16];
        for (long at = 0; ; )
        {
            var got = stream.ReadAtLeast(header, Block, throwOnEndOfStream: false);
            if (got == 0 || header.AsSpan(0, got).IndexOfAnyExcept((byte)0) < 0)
            {
                return found;
            }
            if (got < Block)
            {
                throw new InvalidDataException($"{path}: ends at byte {at + got} of the archive, inside a header.");
            }
            if (!IsHeader(header))
            {
                throw new InvalidDataException($"{path}: byte {at} of the archive begins no tar header (its checksum is wrong).");
            }
            var size =
                Octal(header.AsSpan(124, 12))
                ?? throw new InvalidDataException($"{path}: the header at byte {at} of the archive has no size.");
            var name =
                Text(header.AsSpan(345, 155)) is { Length: > 0 } prefix && header.AsSpan(257, 5).SequenceEqual("ustar"u8)
                    ? $"{prefix}/{Text(header.AsSpan(0, 100))}"
                    : Text(header.AsSpan(0, 100));
            at += Block;
            var padded = (size + Block - 1) / Block * Block;
            if (at + padded > MaxTotal)
            {
                throw new InvalidDataException($"{path}: {name} makes the unpacked archive larger than {MaxTotal >> 30} GiB.");
            }
            if (header[156] is 0 or (byte)'0' && wanted(name))
            {
                if (size > maxFile)
                {
                    throw new InvalidDataException($"{path}: {name} has {size:N0} bytes; at most {maxFile:N0} are read.");
                }
                found.Add((name, ReadContent(stream, (int)size, path, name)));
                Skip(stream, padded - size, buffer);
            }
            else if (!Skip(stream, padded, buffer))
            {
                throw new InvalidDataException($"{path}: ends inside {name}.");
            }

            at += padded;
        }
    }

    // Memory follows what is there, not what the header claims.
    private static byte[] ReadContent(Stream stream, int size, string path, string name)
    {
        using var content = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (content.Length < size)
        {
            var read = stream.Read(buffer, 0, (int)Math.Min(buffer.Length, size - content.Length));
            if (read == 0)
            {
                throw new InvalidDataException($"{path}: ends inside {name}, at byte {content.Length} of its {size}.");
            }
            content.Write(buffer, 0, read);
        }

        return content.ToArray();
    }

    private static bool Skip(Stream stream, long count, byte[] buffer)
    {
        while (count > 0)
        {
            var read = stream.Read(buffer, 0, (int)Math.Min(buffer.Length, count));
            if (read == 0)
            {
                return false;
            }
            count -= read;
        }

        return true;
    }

    // The sum of all bytes with the checksum's own eight taken for spaces.
    private static bool IsHeader(byte[] header)
    {
        var sum = 8 * ' ';
        for (var i = 0; i < Block; i++)
        {
            if (i is < 148 or >= 156)
            {
                sum += header[i];
            }
        }
        return Octal(header.AsSpan(148, 8)) == sum;
    }

    private static long? Octal(ReadOnlySpan<byte> field)
    {
        var digits = Encoding.ASCII.GetString(field).Trim('\0', ' ');
        if (digits.Length is 0 or > 12)
        {
            return null;
        }
        long value = 0;
        foreach (var digit in digits)
        {
            if (digit is < '0' or > '7')
            {
                return null;
            }
            value = (value * 8) + (digit - '0');
        }

        return value;
    }

    private static string Text(ReadOnlySpan<byte> field)
    {
        var end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? field : field[..end]);
    }
}
