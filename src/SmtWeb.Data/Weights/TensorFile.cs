using SmtWeb.Torch;

namespace SmtWeb.Data.Weights;

/// <summary>Tensors in and out of safetensors.</summary>
public static class TensorFile
{
    /// <summary>The tensor of an entry.</summary>
    public static Tensor ToTensor(SafetensorsEntry entry, ReadOnlySpan<byte> bytes, Device device) =>
        Tensors.FromBytes(bytes, TypeOf(entry.Type), [.. entry.Shape], device);

    /// <summary>An entry that copies the tensor to the host only when it is written.</summary>
    public static SafetensorsSource ToSource(string name, Tensor tensor) =>
        new(name, TypeOf(tensor.dtype), tensor.shape, stream => stream.Write(tensor.ToBytes()));

    private static ScalarType TypeOf(SafetensorsType type) =>
        type switch
        {
            SafetensorsType.F64 => ScalarType.Float64,
            SafetensorsType.F32 => ScalarType.Float32,
            SafetensorsType.BF16 => ScalarType.BFloat16,
            SafetensorsType.F16 => ScalarType.Float16,
            SafetensorsType.I64 => ScalarType.Int64,
            SafetensorsType.I32 => ScalarType.Int32,
            SafetensorsType.I16 => ScalarType.Int16,
            SafetensorsType.I8 => ScalarType.Int8,
            SafetensorsType.U8 => ScalarType.Byte,
            SafetensorsType.BOOL => ScalarType.Bool,
        };

    private static SafetensorsType TypeOf(ScalarType type) =>
        type switch
        {
            ScalarType.Float64 => SafetensorsType.F64,
            ScalarType.Float32 => SafetensorsType.F32,
            ScalarType.BFloat16 => SafetensorsType.BF16,
            ScalarType.Float16 => SafetensorsType.F16,
            ScalarType.Int64 => SafetensorsType.I64,
            ScalarType.Int32 => SafetensorsType.I32,
            ScalarType.Int16 => SafetensorsType.I16,
            ScalarType.Int8 => SafetensorsType.I8,
            ScalarType.Byte => SafetensorsType.U8,
            ScalarType.Bool => SafetensorsType.BOOL,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "safetensors has no such element type"),
        };
}
