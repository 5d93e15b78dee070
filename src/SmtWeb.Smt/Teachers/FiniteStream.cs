using System.Runtime.InteropServices;
using SmtWeb.Data.Files;
using SmtWeb.Data.Weights;

namespace SmtWeb.Smt.Teachers;

/// <summary>Passes the content of a tensor on while every value is finite.</summary>
internal sealed class FiniteStream(Stream inner, WeightTensor tensor) : WriteOnlyStream
{
    // pieces are whole elements: WeightTensor writes them so
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        var finite = tensor.Type switch
        {
            SafetensorsType.F64 => !Any<ulong>(buffer, 0x7FF0_0000_0000_0000),
            SafetensorsType.F32 => !Any<uint>(buffer, 0x7F80_0000),
            SafetensorsType.BF16 => !Any<ushort>(buffer, 0x7F80),
            SafetensorsType.F16 => !Any<ushort>(buffer, 0x7C00),
            SafetensorsType.I64
            or SafetensorsType.I32
            or SafetensorsType.I16
            or SafetensorsType.I8
            or SafetensorsType.U8
            or SafetensorsType.BOOL => true,
        };
        if (!finite)
        {
            throw new WeightsException($"Tensor {tensor.Name} holds values that are not finite; a network of such weights gives nothing.");
        }
        inner.Write(buffer);
    }

    // NaN and infinity are the values with all bits of the exponent set
    private static bool Any<T>(ReadOnlySpan<byte> bytes, T exponent)
        where T : unmanaged, System.Numerics.IBinaryInteger<T>
    {
        foreach (var value in MemoryMarshal.Cast<byte, T>(bytes))
        {
            if ((value & exponent) == exponent)
            {
                return true;
            }
        }
        return false;
    }
}
