using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>weight · mean (x - target)² of every row, float32; x alone has a gradient.</summary>
internal sealed unsafe class RowErrorsOperator : FusedOperator
{
    private nint _x,
        _target,
        _weight;

    internal static bool Fits(Tensor x, Tensor target, Tensor weight)
    {
        if (!Kernels.Rows)
        {
            return false;
        }
        TensorInfo one = new(x),
            other = new(target);
        return one.IsPlain(one.Dimensions)
            && other.IsPlain(one.Dimensions)
            && one.SameSizes(other)
            && one.Count > 0
            && new TensorInfo(weight).IsPlain(1)
            && !(LibTorch.GradMode && (LibTorch.RequiresGrad(target.Handle) || LibTorch.RequiresGrad(weight.Handle)));
    }

    internal static Tensor Apply(Tensor x, Tensor target, Tensor weight)
    {
        TensorInfo one = new(x),
            other = new(target),
            w = new(weight);
        var rows = one.Sizes[0];
        var y = LibTorch.Empty(rows, LibTorch.Float32);
        Kernels.smt_row_errors(rows, one.Count / rows, one.Floats, other.Floats, w.Floats, (float*)LibTorch.Data(y));
        Span<nint> inputs = [one.Handle];
        var result = Recording(inputs)
            ? new RowErrorsOperator
            {
                _x = LibTorch.Share(one.Handle),
                _target = LibTorch.Share(other.Handle),
                _weight = LibTorch.Share(w.Handle),
            }.Record(y, inputs)
            : Tensor.UnsafeCreateTensor(y);
        GC.KeepAlive(x);
        GC.KeepAlive(target);
        GC.KeepAlive(weight);
        return result;
    }

    /// <inheritdoc/>
    protected override void Backward(ReadOnlySpan<nint> gradients, Span<nint> results)
    {
        if (gradients[0] == 0)
        {
            return;
        }
        var g = Handles.RowMajor(gradients[0]);
        var info = new TensorInfo(_x);
        var rows = info.Sizes[0];
        results[0] = LibTorch.EmptyLike(info);
        Kernels.smt_row_errors_backward(
            rows,
            info.Count / rows,
            info.Floats,
            (float*)LibTorch.Data(_target),
            (float*)LibTorch.Data(_weight),
            (float*)LibTorch.Data(g),
            (float*)LibTorch.Data(results[0])
        );
        LibTorch.Free(g);
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        LibTorch.Free(ref _x);
        LibTorch.Free(ref _target);
        LibTorch.Free(ref _weight);
    }
}
