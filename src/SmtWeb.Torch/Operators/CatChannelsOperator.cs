using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// The channels of two bfloat16 images in one. libtorch's gradients are views of every (C+D)th piece of memory, which cost the next
/// addition
/// nine times its time.
/// </summary>
internal sealed unsafe class CatChannelsOperator : FusedOperator
{
    private const long Block = 16;

    private long _first,
        _second;

    internal static bool Fits(Tensor a, Tensor b)
    {
        if (!Kernels.CatChannels)
        {
            return false;
        }
        TensorInfo x = new(a),
            z = new(b);
        return IsImage(x) && IsImage(z) && x.Sizes[0] == z.Sizes[0] && x.Sizes[2] == z.Sizes[2] && x.Sizes[3] == z.Sizes[3];
    }

    internal static Tensor Apply(Tensor a, Tensor b)
    {
        Span<nint> inputs = [a.Handle, b.Handle];
        nint x = Handles.Image(inputs[0]),
            z = Handles.Image(inputs[1]);
        TensorInfo one = new(x),
            two = new(z);
        var call = new CatChannelsOperator { _first = one.Sizes[1], _second = two.Sizes[1] };
        long n = one.Sizes[0],
            h = one.Sizes[2],
            w = one.Sizes[3];
        var y = LibTorch.EmptyImage(n, call._first + call._second, h, w, LibTorch.BFloat16);
        Kernels.smt_join(n * h * w, call._first, call._second, one.Halves, two.Halves, (ushort*)LibTorch.Data(y), LibTorch.Threads);
        LibTorch.Free(x);
        LibTorch.Free(z);
        var result = Recording(inputs) ? call.Record(y, inputs) : call.Unrecorded(y);
        GC.KeepAlive(a);
        GC.KeepAlive(b);
        return result;
    }

    /// <inheritdoc/>
    protected override void Backward(ReadOnlySpan<nint> gradients, Span<nint> results)
    {
        if (gradients[0] == 0)
        {
            return;
        }
        var dy = Handles.Image(gradients[0]);
        var info = new TensorInfo(dy);
        long n = info.Sizes[0],
            h = info.Sizes[2],
            w = info.Sizes[3];
        results[0] = LibTorch.EmptyImage(n, _first, h, w, LibTorch.BFloat16);
        results[1] = LibTorch.EmptyImage(n, _second, h, w, LibTorch.BFloat16);
        Kernels.smt_split(
            n * h * w,
            _first,
            _second,
            info.Halves,
            (ushort*)LibTorch.Data(results[0]),
            (ushort*)LibTorch.Data(results[1]),
            LibTorch.Threads
        );
        LibTorch.Free(dy);
    }

    /// <inheritdoc/>
    protected override void Release() { }

    private static bool IsImage(in TensorInfo t) =>
        t is { OnCpu: true, Type: LibTorch.BFloat16, Dimensions: 4 } && t.Count > 0 && t.Sizes[1] % Block == 0;
}
