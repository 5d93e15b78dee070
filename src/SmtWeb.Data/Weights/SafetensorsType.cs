namespace SmtWeb.Data.Weights;

/// <summary>Number formats of safetensors that SmtWeb reads and writes; names as in the format.</summary>
public enum SafetensorsType
{
    /// <summary>IEEE double precision.</summary>
    F64,

    /// <summary>IEEE single precision.</summary>
    F32,

    /// <summary>bfloat16.</summary>
    BF16,

    /// <summary>IEEE half precision.</summary>
    F16,

    /// <summary>Signed 64-bit integer.</summary>
    I64,

    /// <summary>Signed 32-bit integer.</summary>
    I32,

    /// <summary>Signed 16-bit integer.</summary>
    I16,

    /// <summary>Signed byte.</summary>
    I8,

    /// <summary>Unsigned byte.</summary>
    U8,

    /// <summary>One byte, 0 or 1.</summary>
    BOOL,
}

/// <summary>Sizes of <see cref="SafetensorsType"/>.</summary>
public static class SafetensorsTypeSizes
{
    /// <summary>Bytes per element.</summary>
    public static int Size(this SafetensorsType type) =>
        type switch
        {
            SafetensorsType.F64 or SafetensorsType.I64 => 8,
            SafetensorsType.F32 or SafetensorsType.I32 => 4,
            SafetensorsType.BF16 or SafetensorsType.F16 or SafetensorsType.I16 => 2,
            SafetensorsType.I8 or SafetensorsType.U8 or SafetensorsType.BOOL => 1,
        };
}

/// <summary>A tensor of a safetensors file. <paramref name="Offset"/> counts from the end of the header.</summary>
public sealed record SafetensorsEntry(string Name, SafetensorsType Type, IReadOnlyList<long> Shape, long Offset, long ByteCount);
