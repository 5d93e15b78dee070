using System.Runtime.InteropServices;
using SmtWeb.Data.Weights;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>A tensor on the host: little-endian, row-major bytes.</summary>
public sealed record GoldenTensor(string Name, SafetensorsType Type, IReadOnlyList<long> Shape, byte[] Bytes)
{
    /// <summary>Shape as TorchSharp-like calls take it.</summary>
    public long[] Sizes => [.. Shape];

    /// <summary>F32 values.</summary>
    public float[] Floats => As<float>(SafetensorsType.F32);

    /// <summary>F64 values.</summary>
    public double[] Doubles => As<double>(SafetensorsType.F64);

    /// <summary>I64 values.</summary>
    public long[] Longs => As<long>(SafetensorsType.I64);

    /// <summary>Number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (n, side) => n * side);

    /// <summary>Element <paramref name="i"/> as a double, whatever the type.</summary>
    public double At(int i) =>
        Type switch
        {
            SafetensorsType.F64 => BitConverter.ToDouble(Bytes, i * 8),
            SafetensorsType.F32 => BitConverter.ToSingle(Bytes, i * 4),
            SafetensorsType.F16 => (double)BitConverter.ToHalf(Bytes, i * 2),
            SafetensorsType.BF16 => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(Bytes, i * 2) << 16),
            SafetensorsType.I64 => BitConverter.ToInt64(Bytes, i * 8),
            SafetensorsType.I32 => BitConverter.ToInt32(Bytes, i * 4),
            SafetensorsType.I16 => BitConverter.ToInt16(Bytes, i * 2),
            SafetensorsType.I8 => (sbyte)Bytes[i],
            SafetensorsType.U8 or SafetensorsType.BOOL => Bytes[i],
        };

    private T[] As<T>(SafetensorsType type)
        where T : struct =>
        Type == type
            ? MemoryMarshal.Cast<byte, T>(Bytes).ToArray()
            : throw new InvalidOperationException($"\"{Name}\" holds {Type}, not {type}.");
}
