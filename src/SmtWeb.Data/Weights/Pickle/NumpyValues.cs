using System.Buffers.Binary;
using SmtWeb.Data.Weights.Bytes;

namespace SmtWeb.Data.Weights.Pickle;

/// <summary>Types, scalars and arrays of NumPy as pickles hold them.</summary>
internal static class NumpyValues
{
    private static readonly string[] Codes = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1"];

    public static NumpyType Type(string? code)
    {
        var plain = code?.TrimStart('<', '=', '|');
        return plain is not null && Codes.Contains(plain)
            ? new NumpyType(plain)
            : throw new WeightsException(
                $"numpy.dtype '{PickleScan.Show(code ?? "none")}' is not among those that weights need: {string.Join(", ", Codes)}."
            );
    }

    /// <summary>State of a dtype: (version, byte order, …).</summary>
    public static void BuildType(NumpyType type, PickleTuple? state)
    {
        if (state is not { Items: [_, string order, ..] } || order is not ("<" or "|" or "=" or ">"))
        {
            throw new WeightsException("The state of a numpy.dtype is malformed.");
        }
        type.BigEndian = order == ">";
    }

    /// <summary>State of an array: (version, shape, type, column order, bytes).</summary>
    public static void BuildArray(NumpyArray array, PickleTuple? state)
    {
        if (
            state is not { Items: [_, PickleTuple shape, NumpyType type, bool fortran, var data] }
            || shape.Items.Length > 32
            || BytesOf(data) is not { } bytes
        )
        {
            throw new WeightsException("The state of a numpy.ndarray is malformed (arrays of objects are not read).");
        }
        Int128 count = 1;
        foreach (var side in shape.Items)
        {
            if (side is not long sideLength || sideLength < 0 || (count *= sideLength) > long.MaxValue / 8)
            {
                throw new WeightsException("The shape of a numpy.ndarray is malformed.");
            }
        }

        if ((long)count * Size(type) != bytes.Length)
        {
            throw new WeightsException(
                $"A numpy.ndarray of shape [{string.Join(",", shape.Items)}] and type {type.Code} is given {bytes.Length} bytes."
            );
        }
        (array.Type, array.FortranOrder, array.Bytes) = (type, fortran, bytes);
        array.Shape = [.. shape.Items.Select(s => (long)s!)];
    }

    /// <summary>A scalar as a .NET number.</summary>
    public static object Scalar(NumpyType type, ByteSource source)
    {
        if (source.Length != Size(type))
        {
            throw new WeightsException($"A numpy scalar of type {type.Code} is given {source.Length} bytes.");
        }
        Span<byte> b = stackalloc byte[8];
        b = b[..(int)source.Length];
        source.Read(0, b, "a numpy scalar");
        if (type.BigEndian)
        {
            b.Reverse();
        }
        return type.Code switch
        {
            "f8" => BinaryPrimitives.ReadDoubleLittleEndian(b),
            "f4" => (double)BinaryPrimitives.ReadSingleLittleEndian(b),
            "f2" => (double)BinaryPrimitives.ReadHalfLittleEndian(b),
            "i8" => BinaryPrimitives.ReadInt64LittleEndian(b),
            "i4" => (long)BinaryPrimitives.ReadInt32LittleEndian(b),
            "i2" => (long)BinaryPrimitives.ReadInt16LittleEndian(b),
            "i1" => (long)(sbyte)b[0],
            "u8" => BinaryPrimitives.ReadUInt64LittleEndian(b) is var u && u <= long.MaxValue
                ? (long)u
                : throw new WeightsException("A numpy scalar is beyond 2^63."),
            "u4" => (long)BinaryPrimitives.ReadUInt32LittleEndian(b),
            "u2" => (long)BinaryPrimitives.ReadUInt16LittleEndian(b),
            "u1" => (long)b[0],
            "b1" => b[0] != 0,
            _ => throw new WeightsException($"numpy.dtype {type.Code} is not read."),
        };
    }

    // Python 2 wrote bytes as it wrote text.
    private static ByteSource? BytesOf(object? data) =>
        data switch
        {
            PickleBytes bytes => bytes.Source,
            string text when text.All(c => c < 256) => new MemorySource(System.Text.Encoding.Latin1.GetBytes(text)),
            _ => null,
        };

    private static int Size(NumpyType type) => type.Code[1] - '0';
}
