using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>a·x + b·z with a factor per row, float32: noise, preconditioning. The factors have no gradient.</summary>
internal sealed unsafe class MixRowsOperator : FusedOperator
{
    private nint _a,
        _b;
    private bool _wantsX,
        _wantsZ;

    internal static bool Fits(Tensor? a, Tensor x, Tensor? b, Tensor? z)
    {
        if (!Kernels.Rows)
        {
            return false;
        }
        var info = new TensorInfo(x);
        if (!info.IsPlain(info.Dimensions) || !IsFactor(a) || !IsFactor(b))
        {
            return false;
        }
        if (z is null)
        {
            return true;
        }
        var other = new TensorInfo(z);
        return other.IsPlain(info.Dimensions) && other.SameSizes(info);
    }

    internal static Tensor Apply(Tensor? a, Tensor x, Tensor? b, Tensor? z)
    {
        var y = Mixed(a?.Handle ?? 0, x.Handle, b?.Handle ?? 0, z?.Handle ?? 0);
        Span<nint> inputs = z is null ? [x.Handle] : [x.Handle, z.Handle];
        Tensor result;
        if (Recording(inputs))
        {
            var call = new MixRowsOperator
            {
                _a = a is null ? 0 : LibTorch.Share(a.Handle),
                _b = b is null ? 0 : LibTorch.Share(b.Handle),
                _wantsX = LibTorch.RequiresGrad(x.Handle),
                _wantsZ = z is not null && LibTorch.RequiresGrad(z.Handle),
            };
            result = call.Record(y, inputs);
        }
        else
        {
            result = Tensor.UnsafeCreateTensor(y);
        }
        GC.KeepAlive(a);
        GC.KeepAlive(x);
        GC.KeepAlive(b);
        GC.KeepAlive(z);
        return result;
    }

    private static nint Mixed(nint a, nint x, nint b, nint z)
    {
        var info = new TensorInfo(x);
        var y = LibTorch.EmptyLike(info);
        var count = info.Count;
        if (count > 0)
        {
            Kernels.smt_mix_rows(
                info.Sizes[0],
                count / info.Sizes[0],
                Floats(a),
                info.Floats,
                Floats(b),
                Floats(z),
                (float*)LibTorch.Data(y)
            );
        }
        return y;
    }

    /// <inheritdoc/>
    protected override void Backward(ReadOnlySpan<nint> gradients, Span<nint> results)
    {
        if (gradients[0] == 0)
        {
            return;
        }
        var g = Handles.RowMajor(gradients[0]);
        if (_wantsX)
        {
            results[0] = _a == 0 ? LibTorch.Share(g) : Mixed(_a, g, 0, 0);
        }
        if (_wantsZ)
        {
            results[1] = Mixed(_b, g, 0, 0);
        }
        LibTorch.Free(g);
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        LibTorch.Free(ref _a);
        LibTorch.Free(ref _b);
    }

    private static bool IsFactor(Tensor? factor) =>
        factor is null || (new TensorInfo(factor).IsPlain(1) && !(LibTorch.GradMode && LibTorch.RequiresGrad(factor.Handle)));

    private static float* Floats(nint tensor) => tensor == 0 ? null : (float*)LibTorch.Data(tensor);
}
