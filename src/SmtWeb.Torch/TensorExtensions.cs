using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>Values of a tensor on the host, whatever its device, strides and history.</summary>
public static class TensorExtensions
{
    /// <summary>The value of a one-element tensor of any number type. Waits for a GPU.</summary>
    public static double ToDouble(this Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        HostTransfer.CountRead(tensor);
        // not TorchSharp's ToDouble, which reads a scalar that it does not keep (see Numbers)
        using var none = no_grad();
        using var scope = NewDisposeScope();
        return tensor.to(ScalarType.Float64).item<double>();
    }

    /// <summary>The elements, row-major. <typeparamref name="T"/> must match the element type.</summary>
    /// <exception cref="TorchException">It does not.</exception>
    public static T[] ToArray<T>(this Tensor tensor)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(tensor);
        var expected = Tensors.TypeOf<T>();
        if (tensor.dtype != expected)
        {
            throw new TorchException($"ToArray<{typeof(T).Name}> of a {tensor.dtype} tensor; convert it with to(ScalarType.{expected}).");
        }
        var values = new T[tensor.NumberOfElements];
        CopyTo(tensor, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    /// <summary>The raw bytes of the elements, row-major, for any element type.</summary>
    public static byte[] ToBytes(this Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        var bytes = new byte[tensor.NumberOfElements * tensor.ElementSize];
        CopyTo(tensor, bytes);
        return bytes;
    }

    /// <summary>The tensor's own bytes, as they lie in the CPU's memory; it must be dense and row-major.</summary>
    internal static unsafe Span<byte> Memory(this Tensor tensor) =>
        tensor.NumberOfElements == 0
            ? default
            : new(LibTorch.Data(tensor.Handle), checked((int)(tensor.NumberOfElements * tensor.ElementSize)));

    private static void CopyTo(Tensor tensor, Span<byte> to)
    {
        HostTransfer.CountRead(tensor);
        using var none = no_grad();
        using var scope = NewDisposeScope();
        tensor.detach().cpu().contiguous().Memory().CopyTo(to);
    }
}
