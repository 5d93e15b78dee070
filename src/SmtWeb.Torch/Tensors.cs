using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>Tensors of data that lies in spans. TorchSharp takes arrays, and then keeps them pinned as the tensor's memory.</summary>
public static class Tensors
{
    /// <summary>A copy of <paramref name="data"/>, row-major, in a tensor of <paramref name="shape"/>.</summary>
    /// <exception cref="ArgumentException">The shape has another number of elements, or no tensor has elements of this type.</exception>
    public static Tensor Of<T>(ReadOnlySpan<T> data, ReadOnlySpan<long> shape, Device? device = null)
        where T : unmanaged => FromBytes(MemoryMarshal.AsBytes(data), TypeOf<T>(), shape, device);

    /// <summary>A copy of the raw row-major bytes of its elements.</summary>
    /// <exception cref="ArgumentException">The shape has another number of elements.</exception>
    public static Tensor FromBytes(ReadOnlySpan<byte> data, ScalarType type, ReadOnlySpan<long> shape, Device? device = null)
    {
        long expected = 1;
        foreach (var side in shape)
        {
            expected *= side;
        }
        if (expected * SizeOf(type) != data.Length)
        {
            throw new ArgumentException(
                $"Shape [{string.Join(',', shape.ToArray())}] has {expected} elements of {SizeOf(type)} bytes, the data {data.Length} "
                    + "bytes."
            );
        }
        using var none = no_grad();
        var tensor = empty(shape, dtype: type);
        data.CopyTo(tensor.Memory());
        if (device is null || !HostTransfer.IsRemote(device))
        {
            return tensor;
        }
        using (tensor)
        {
            HostTransfer.CountWait();
            return tensor.to(device);
        }
    }

    /// <summary>Bytes of one element.</summary>
    public static int SizeOf(ScalarType type) =>
        type switch
        {
            ScalarType.Byte or ScalarType.Int8 or ScalarType.Bool => 1,
            ScalarType.Int16 or ScalarType.Float16 or ScalarType.BFloat16 => 2,
            ScalarType.Int32 or ScalarType.Float32 => 4,
            ScalarType.Int64 or ScalarType.Float64 or ScalarType.ComplexFloat32 => 8,
            ScalarType.ComplexFloat64 => 16,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "No size is known for tensor elements of this type."),
        };

    internal static ScalarType TypeOf<T>()
        where T : unmanaged =>
        typeof(T) == typeof(float) ? ScalarType.Float32
        : typeof(T) == typeof(double) ? ScalarType.Float64
        : typeof(T) == typeof(long) ? ScalarType.Int64
        : typeof(T) == typeof(int) ? ScalarType.Int32
        : typeof(T) == typeof(short) ? ScalarType.Int16
        : typeof(T) == typeof(byte) ? ScalarType.Byte
        : typeof(T) == typeof(sbyte) ? ScalarType.Int8
        : typeof(T) == typeof(bool) ? ScalarType.Bool
        : throw new ArgumentException($"No tensor element type for {typeof(T).Name}.");
}
