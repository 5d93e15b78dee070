using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>What kernels ask of a tensor. It points into the tensor, which must outlive it.</summary>
internal readonly unsafe ref struct TensorInfo
{
    internal readonly nint Handle;
    internal readonly long* Sizes,
        Strides;
    internal readonly int Dimensions,
        Type;
    internal readonly bool OnCpu;

    internal TensorInfo(nint handle)
    {
        Handle = handle;
        long dimensions;
        int type,
            device;
        fixed (long** sizes = &Sizes)
        fixed (long** strides = &Strides)
        {
            LibTorch.Check(
                LibTorch.aoti_torch_get_dim(handle, &dimensions)
                    | LibTorch.aoti_torch_get_sizes(handle, sizes)
                    | LibTorch.aoti_torch_get_strides(handle, strides)
                    | LibTorch.aoti_torch_get_dtype(handle, &type)
                    | LibTorch.aoti_torch_get_device_type(handle, &device),
                "what a tensor is"
            );
        }
        Dimensions = (int)dimensions;
        Type = type;
        OnCpu = device == LibTorch.Cpu;
    }

    internal TensorInfo(Tensor tensor)
        : this(tensor.Handle) { }

    internal long Count
    {
        get
        {
            long n = 1;
            for (var k = 0; k < Dimensions; k++)
            {
                n *= Sizes[k];
            }
            return n;
        }
    }

    internal float* Floats => (float*)LibTorch.Data(Handle);

    internal ushort* Halves => (ushort*)LibTorch.Data(Handle);

    /// <summary>float32 of so many dimensions on the CPU, row-major.</summary>
    internal bool IsPlain(int dimensions) => OnCpu && Type == LibTorch.Float32 && Dimensions == dimensions && IsRowMajor;

    /// <summary>Dense, the last dimension next to itself.</summary>
    internal bool IsRowMajor
    {
        get
        {
            long next = 1;
            for (var k = Dimensions - 1; k >= 0; k--)
            {
                if (Sizes[k] != 1 && Strides[k] != next)
                {
                    return false;
                }
                next *= Sizes[k];
            }
            return true;
        }
    }

    /// <summary>An image [N,C,H,W] whose channels lie together.</summary>
    internal bool IsChannelsLast =>
        Dimensions == 4 && Lies(1, 1) && Lies(3, Sizes[1]) && Lies(2, Sizes[1] * Sizes[3]) && Lies(0, Sizes[1] * Sizes[3] * Sizes[2]);

    internal bool SameSizes(in TensorInfo other) =>
        new ReadOnlySpan<long>(Sizes, Dimensions).SequenceEqual(new ReadOnlySpan<long>(other.Sizes, other.Dimensions));

    private bool Lies(int dimension, long stride) => Sizes[dimension] == 1 || Strides[dimension] == stride;
}
