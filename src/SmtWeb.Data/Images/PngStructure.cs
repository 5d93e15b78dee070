using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using SmtWeb.Data.Weights.Bytes;

namespace SmtWeb.Data.Images;

/// <summary>
/// Walks the chunks of a PNG file and makes sure of what the decoder leaves unchecked: checksums of the chunks that pixels come
/// from, and that no row is missing. A picture that lost pixels is damaged, not half black.
/// </summary>
internal static class PngStructure
{
    private const int SignatureBytes = 8,
        ChunkBytes = 12,
        HeaderBytes = 13;
    private const uint Header = 0x49484452,
        Palette = 0x504C5445,
        Data = 0x49444154,
        End = 0x49454E44,
        Transparency = 0x74524E53,
        Exif = 0x65584966;

    // offset, step of columns and of rows of the seven passes of an interlaced picture
    private static readonly (int X, int Y, int Dx, int Dy)[] Passes =
    [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];

    /// <summary>Reads the facts; the pixels are not unpacked.</summary>
    /// <exception cref="InvalidDataException">The file is cut short or damaged, or has 16 bits a channel.</exception>
    internal static PictureFacts Read(ReadOnlySpan<byte> file)
    {
        var facts = default(PictureFacts);
        var hasPixels = false;
        var orientation = ExifOrientation.Upright;
        for (var at = SignatureBytes; at < file.Length; )
        {
            var type = Chunk(file, at, verify: true, out var data);
            if (facts.Width == 0 && type != Header)
            {
                throw new InvalidDataException($"its first chunk is {Name(type)}, not IHDR");
            }
            if (type == Header && facts.Width == 0)
            {
                facts = HeaderFacts(data);
            }
            else if (type == Transparency)
            {
                facts = facts with { Changes = facts.Changes | PixelChanges.AlphaLeftOut };
            }
            else if (type == Exif)
            {
                orientation = ExifOrientation.Read(data);
            }
            else if (type == Data)
            {
                hasPixels = true;
            }
            else if (type == End)
            {
                break;
            }
            at += ChunkBytes + data.Length;
        }

        if (!hasPixels)
        {
            throw new InvalidDataException("it ends before its pixels");
        }
        return facts with { Orientation = orientation };
    }

    /// <summary>
    /// Unpacks the rows once, keeping none, and says whether all are there: the decoder would leave the missing ones as they are.
    /// </summary>
    /// <exception cref="InvalidDataException">Rows are missing, or their data are damaged.</exception>
    internal static void EnsureWhole(ReadOnlySpan<byte> file)
    {
        var packed = new MemoryStream(file.Length);
        var header = ReadOnlySpan<byte>.Empty;
        for (var at = SignatureBytes; at < file.Length; )
        {
            var type = Chunk(file, at, verify: false, out var data);
            if (type == Header && header.IsEmpty)
            {
                header = data;
            }
            else if (type == Data)
            {
                packed.Write(data);
            }
            else if (type == End)
            {
                break;
            }
            at += ChunkBytes + data.Length;
        }

        packed.Position = 0;
        using var rows = new ZLibStream(packed, CompressionMode.Decompress);
        var (wanted, got) = (RowBytes(header), 0L);
        Span<byte> buffer = stackalloc byte[8192];
        try
        {
            for (int read; got < wanted && (read = rows.Read(buffer)) > 0; )
            {
                got += read;
            }
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"its pixels cannot be unpacked: {e.Message}", e);
        }

        if (got < wanted)
        {
            throw new InvalidDataException($"its pixels unpack to {got:N0} bytes; {wanted:N0} are needed");
        }
    }

    private static PictureFacts HeaderFacts(ReadOnlySpan<byte> data)
    {
        if (data.Length != HeaderBytes)
        {
            throw new InvalidDataException($"its IHDR has {data.Length} bytes, not {HeaderBytes}");
        }
        if (data[8] == 16)
        {
            throw new InvalidDataException("its channels have 16 bits; convert it to 8 bits a channel");
        }
        var (width, height) = (BinaryPrimitives.ReadUInt32BigEndian(data), BinaryPrimitives.ReadUInt32BigEndian(data[4..]));
        ImageDecoder.EnsureSides(width, height);
        var (colour, alpha) = ((data[9] & 2) != 0, (data[9] & 4) != 0);
        return new((int)width, (int)height, colour ? 3 : 1, ExifOrientation.Upright, alpha ? PixelChanges.AlphaLeftOut : PixelChanges.None);
    }

    // A filter byte and the pixels, for each row of each pass.
    private static long RowBytes(ReadOnlySpan<byte> header)
    {
        var (width, height) = (BinaryPrimitives.ReadInt32BigEndian(header), BinaryPrimitives.ReadInt32BigEndian(header[4..]));
        var bits =
            header[8]
            * (
                header[9] switch
                {
                    2 => 3,
                    4 => 2,
                    6 => 4,
                    _ => 1,
                }
            );
        if (header[12] == 0)
        {
            return Rows(width, height);
        }
        var sum = 0L;
        foreach (var (x, y, dx, dy) in Passes)
        {
            sum += Rows((width - x + dx - 1) / dx, (height - y + dy - 1) / dy);
        }
        return sum;

        long Rows(int columns, int rows) => columns <= 0 || rows <= 0 ? 0 : rows * (1 + (((long)columns * bits) + 7) / 8);
    }

    private static uint Chunk(ReadOnlySpan<byte> file, int at, bool verify, out ReadOnlySpan<byte> data)
    {
        if (file.Length - at < ChunkBytes)
        {
            throw new InvalidDataException("it is cut short between two chunks");
        }
        var length = BinaryPrimitives.ReadUInt32BigEndian(file[at..]);
        var type = BinaryPrimitives.ReadUInt32BigEndian(file[(at + 4)..]);
        if (length > file.Length - at - ChunkBytes)
        {
            throw new InvalidDataException(
                $"it is cut short inside its chunk {Name(type)}, {length - (file.Length - at - ChunkBytes):N0} bytes early"
            );
        }
        data = file.Slice(at + 8, (int)length);
        if (verify && type is Header or Palette or Data or Transparency or Exif)
        {
            var crc = new Crc32();
            crc.Append(file.Slice(at + 4, 4 + data.Length));
            if (crc.Value != BinaryPrimitives.ReadUInt32BigEndian(file[(at + 8 + data.Length)..]))
            {
                throw new InvalidDataException($"the checksum of its chunk {Name(type)} is wrong");
            }
        }

        return type;
    }

    private static string Name(uint type)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, type);
        return bytes.ContainsAnyExceptInRange((byte)'A', (byte)'z') ? Convert.ToHexString(bytes) : Encoding.ASCII.GetString(bytes);
    }
}
