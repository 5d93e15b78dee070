using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using SmtWeb.Smt.Weights.Bytes;

namespace SmtWeb.Smt.Imaging;

/// <summary>
/// Writes PNG (RFC 2083): 8 bits a channel, grey or RGB, no interlacing. Each row takes the filter whose residuals are
/// smallest in sum, the standard's own heuristic.
/// </summary>
public static class PngEncoder
{
    private static readonly byte[] Signature = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    private enum Filter
    {
        None,
        Sub,
        Up,
        Average,
        Paeth,
    }

    /// <summary>Encodes a picture.</summary>
    /// <exception cref="ArgumentException">It is neither grey nor RGB, is empty, or has another number of bytes than its sides say.</exception>
    public static byte[] Encode(Raster raster)
    {
        if (raster.Channels is not (1 or 3)) throw new ArgumentException($"A picture of {raster.Channels} channels is neither grey (1) nor RGB (3).", nameof(raster));
        if (raster.Width < 1 || raster.Height < 1 || raster.Pixels.Length != (long)raster.Width * raster.Height * raster.Channels)
            throw new ArgumentException($"{raster.Width}x{raster.Height} with {raster.Channels} channels do not fit {raster.Pixels.Length} bytes.", nameof(raster));

        using var png = new MemoryStream();
        png.Write(Signature);
        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, raster.Width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], raster.Height);
        header[8] = 8;
        header[9] = raster.Channels == 1 ? (byte)0 : (byte)2;
        WriteChunk(png, "IHDR", header);
        WriteChunk(png, "IDAT", Compress(raster));
        WriteChunk(png, "IEND", []);
        return png.ToArray();
    }

    private static byte[] Compress(Raster raster)
    {
        using var compressed = new MemoryStream();
        using (var zlib = new ZLibStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
        {
            var stride = raster.Width * raster.Channels;
            var above = new byte[stride];
            var candidate = new byte[stride];
            var best = new byte[stride];
            for (var y = 0; y < raster.Height; y++)
            {
                var row = raster.Pixels.AsSpan(y * stride, stride);
                var (smallest, chosen) = (long.MaxValue, Filter.None);
                foreach (var filter in Enum.GetValues<Filter>())
                {
                    var sum = Apply(filter, row, above, raster.Channels, candidate);
                    if (sum >= smallest) continue;
                    (smallest, chosen) = (sum, filter);
                    (best, candidate) = (candidate, best);
                }

                zlib.WriteByte((byte)chosen);
                zlib.Write(best);
                row.CopyTo(above);
            }
        }

        return compressed.ToArray();
    }

    /// <summary>Filters a row and returns the sum of the residuals' magnitudes, taken as signed bytes.</summary>
    private static long Apply(Filter filter, ReadOnlySpan<byte> row, ReadOnlySpan<byte> above, int channels, Span<byte> output)
    {
        long sum = 0;
        for (var x = 0; x < row.Length; x++)
        {
            int left = x < channels ? 0 : row[x - channels], up = above[x], corner = x < channels ? 0 : above[x - channels];
            var predicted = filter switch
            {
                Filter.None => 0,
                Filter.Sub => left,
                Filter.Up => up,
                Filter.Average => (left + up) / 2,
                Filter.Paeth => Paeth(left, up, corner),
            };
            output[x] = (byte)(row[x] - predicted);
            sum += Math.Abs((int)(sbyte)output[x]);
        }

        return sum;
    }

    private static int Paeth(int left, int up, int corner)
    {
        var estimate = left + up - corner;
        var (dl, du, dc) = (Math.Abs(estimate - left), Math.Abs(estimate - up), Math.Abs(estimate - corner));
        return dl <= du && dl <= dc ? left : du <= dc ? up : corner;
    }

    private static void WriteChunk(Stream png, string type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        png.Write(number);
        var name = Encoding.ASCII.GetBytes(type);
        png.Write(name);
        png.Write(data);
        var crc = new Crc32();
        crc.Append(name);
        crc.Append(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, crc.Value);
        png.Write(number);
    }
}
