using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace SmtWeb.Measures.Statistics;

/// <summary>A numpy array of real numbers, widened to float64, row-major whatever order the file has.</summary>
public sealed partial record NpyArray(IReadOnlyList<int> Shape, double[] Values)
{
    /// <summary>Most elements that are read: statistics of 8192 dimensions.</summary>
    public const long MostElements = 8192L * 8192;

    private const int LongestHeader = 65_536;
    private const int MostDimensions = 4;

    /// <summary>Reads one array; <paramref name="name"/> names it in errors. Nothing is allocated before its size is checked.</summary>
    /// <exception cref="InvalidDataException">Not an array of numbers, too large, or cut off; says what was found.</exception>
    public static NpyArray Read(Stream stream, string name)
    {
        Span<byte> start = stackalloc byte[12];
        Fill(stream, start[..10], name);
        if (start[0] != 0x93 || !start[1..6].SequenceEqual("NUMPY"u8))
        {
            throw new InvalidDataException($"{name}: not a numpy array (it does not start with \\x93NUMPY).");
        }
        int length;
        switch (start[6])
        {
            case 1:
                length = BinaryPrimitives.ReadUInt16LittleEndian(start[8..]);
                break;
            case 2 or 3:
                Fill(stream, start[10..12], name);
                var wide = BinaryPrimitives.ReadUInt32LittleEndian(start[8..]);
                length =
                    wide <= LongestHeader
                        ? (int)wide
                        : throw new InvalidDataException($"{name}: a header of {wide} bytes; at most {LongestHeader} are read.");
                break;
            default:
                throw new InvalidDataException($"{name}: numpy format {start[6]}.{start[7]} is not known (1, 2 and 3 are).");
        }
        var header = new byte[length];
        Fill(stream, header, name);
        var (type, fortran, shape) = ParseHeader(Encoding.Latin1.GetString(header), name);
        return new NpyArray(shape, ReadValues(stream, type, fortran, shape, name));
    }

    /// <summary>Writes it as float64, format 1.0.</summary>
    public void Write(Stream stream)
    {
        var shape = Shape.Count == 1 ? $"{Shape[0]}," : string.Join(", ", Shape);
        var header = $"{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape}), }}";
        // magic, version, length and header together are a multiple of 64
        header = header.PadRight(((10 + header.Length + 1 + 63) / 64 * 64) - 11) + "\n";
        stream.Write([0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8)]);
        stream.Write(Encoding.Latin1.GetBytes(header));
        var buffer = new byte[64 * 1024];
        for (var from = 0; from < Values.Length; from += buffer.Length / 8)
        {
            var count = Math.Min(buffer.Length / 8, Values.Length - from);
            for (var k = 0; k < count; k++)
            {
                BinaryPrimitives.WriteDoubleLittleEndian(buffer.AsSpan(k * 8), Values[from + k]);
            }
            stream.Write(buffer, 0, count * 8);
        }
    }

    private static (string Type, bool Fortran, int[] Shape) ParseHeader(string text, string name)
    {
        var match = Header().Match(text);
        if (!match.Success)
        {
            throw new InvalidDataException(
                $"{name}: the header '{(text.Length > 100 ? text[..100] + "…" : text.Trim())}' is none of a plain array."
            );
        }
        var type = match.Groups["descr"].Value;
        if (type is not ("<f8" or "<f4" or "<f2" or ">f8" or ">f4"))
        {
            throw new InvalidDataException($"{name}: elements of type '{type}'; float64, float32 or float16 are read.");
        }
        var sides = match.Groups["shape"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (sides.Length > MostDimensions)
        {
            throw new InvalidDataException($"{name}: {sides.Length} dimensions; at most {MostDimensions} are read.");
        }
        var shape = new int[sides.Length];
        var count = 1L;
        for (var k = 0; k < sides.Length; k++)
        {
            if (
                !int.TryParse(sides[k], NumberStyles.None, CultureInfo.InvariantCulture, out shape[k])
                || (count *= shape[k]) > MostElements
            )
            {
                throw new InvalidDataException($"{name}: shape ({match.Groups["shape"].Value}) has more than {MostElements} elements.");
            }
        }
        return (type, match.Groups["fortran"].Value == "True", shape);
    }

    private static double[] ReadValues(Stream stream, string type, bool fortran, int[] shape, string name)
    {
        var count = shape.Aggregate(1, (n, side) => n * side);
        var size = type[2] - '0';
        var values = new double[count];
        var buffer = new byte[64 * 1024];
        for (var from = 0; from < count; )
        {
            var part = Math.Min(buffer.Length / size, count - from);
            Fill(stream, buffer.AsSpan(0, part * size), name);
            for (var k = 0; k < part; k++)
            {
                var element = buffer.AsSpan(k * size, size);
                values[from + k] = type switch
                {
                    "<f8" => BinaryPrimitives.ReadDoubleLittleEndian(element),
                    "<f4" => BinaryPrimitives.ReadSingleLittleEndian(element),
                    "<f2" => (double)BinaryPrimitives.ReadHalfLittleEndian(element),
                    ">f8" => BinaryPrimitives.ReadDoubleBigEndian(element),
                    _ => BinaryPrimitives.ReadSingleBigEndian(element),
                };
            }
            from += part;
        }
        return fortran && shape.Length > 1 ? RowMajor(values, shape) : values;
    }

    // Fortran order: the first index runs fastest
    private static double[] RowMajor(double[] values, int[] shape)
    {
        var result = new double[values.Length];
        var index = new int[shape.Length];
        foreach (var value in values)
        {
            var at = 0;
            for (var k = 0; k < shape.Length; k++)
            {
                at = (at * shape[k]) + index[k];
            }
            result[at] = value;
            for (var k = 0; k < shape.Length && ++index[k] == shape[k]; k++)
            {
                index[k] = 0;
            }
        }
        return result;
    }

    private static void Fill(Stream stream, Span<byte> buffer, string name)
    {
        if (stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false) < buffer.Length)
        {
            throw new InvalidDataException($"{name}: the array is cut off.");
        }
    }

    [GeneratedRegex(
        @"^\{\s*'descr':\s*'(?<descr>[^']{1,8})',\s*'fortran_order':\s*(?<fortran>True|False),\s*'shape':\s*\((?<shape>[0-9, ]{0,100})\),?\s*\}\s*$"
    )]
    private static partial Regex Header();
}
