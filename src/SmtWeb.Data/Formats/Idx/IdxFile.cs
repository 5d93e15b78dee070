using System.Buffers.Binary;
using System.IO.Compression;
using SmtWeb.Data.Files;

namespace SmtWeb.Data.Formats;

/// <summary>
/// An IDX file of unsigned bytes (the format of MNIST and Fashion-MNIST), gzip-compressed or plain:
/// big-endian magic 0x000008nn with nn dimensions, the dimensions, the bytes row-major.
/// </summary>
public sealed record IdxFile(IReadOnlyList<int> Dimensions, byte[] Data)
{
    private const int MaxBytes = 1 << 30;

    /// <summary>Reads a file that must have <paramref name="dimensions"/> dimensions.</summary>
    /// <exception cref="InvalidDataException">It is no such file; names the file and the byte.</exception>
    public static IdxFile Read(string path, int dimensions)
    {
        using var file = PlainFile.OpenRead(path);
        var zipped = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
        file.Position = 0;
        try
        {
            if (!zipped)
            {
                return Read(file, path, dimensions);
            }
            using var plain = new GZipStream(file, CompressionMode.Decompress);
            return Read(plain, path, dimensions);
        }
        catch (InvalidDataException e) when (!e.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw new InvalidDataException($"{path}: the gzip data are damaged: {e.Message}", e);
        }
    }

    private static IdxFile Read(Stream stream, string path, int dimensions)
    {
        var header = new byte[4 + (4 * dimensions)];
        var got = stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        if (got < header.Length)
        {
            throw new InvalidDataException($"{path}: ends at byte {got}, inside the IDX header of {header.Length} bytes.");
        }

        var magic = BinaryPrimitives.ReadUInt32BigEndian(header);
        if (magic != 0x0800u + (uint)dimensions)
        {
            throw new InvalidDataException(
                $"{path}: begins with 0x{magic:X8}; an IDX file of bytes with {dimensions} dimensions begins with "
                    + $"0x{0x0800 + dimensions:X8}."
            );
        }

        var sides = new int[dimensions];
        long total = 1;
        for (var i = 0; i < dimensions; i++)
        {
            var side = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(4 + (4 * i)));
            total *= side;
            if (total > MaxBytes)
            {
                throw new InvalidDataException(
                    $"{path}: dimension {i} at byte {4 + (4 * i)} is {side}, which makes more than {MaxBytes} bytes."
                );
            }
            sides[i] = (int)side;
        }

        // Memory follows what is there, not what the header claims.
        using var data = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (data.Length <= total && stream.Read(buffer) is > 0 and var read)
        {
            data.Write(buffer, 0, read);
        }
        if (data.Length != total)
        {
            throw new InvalidDataException(
                $"{path}: holds {(data.Length > total ? "more than" : "only")} {Math.Min(data.Length, total)} bytes of data; its header "
                    + $"says {string.Join("x", sides)} = {total}."
            );
        }
        return new IdxFile(sides, data.ToArray());
    }
}
