using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>x and beside it cosines and sines of values at given frequencies, float32; x alone has a gradient.</summary>
internal sealed unsafe class FourierFeaturesOperator : FusedOperator
{
    private readonly long _rows,
        _columns;

    private FourierFeaturesOperator(long rows, long columns) => (_rows, _columns) = (rows, columns);

    internal static bool Fits(Tensor? input, ReadOnlySpan<Tensor> values, ReadOnlySpan<Tensor> frequencies)
    {
        if (!Kernels.Fourier || (input is not null && new TensorInfo(input) is not { OnCpu: true, Type: LibTorch.Float32 }))
        {
            return false;
        }
        for (var k = 0; k < values.Length; k++)
        {
            if (!IsConstant(values[k]) || !IsConstant(frequencies[k]))
            {
                return false;
            }
        }
        return true;
    }

    internal static Tensor Apply(Tensor? input, ReadOnlySpan<Tensor> values, ReadOnlySpan<Tensor> frequencies)
    {
        var x = input is null ? 0 : Handles.RowMajor(input.Handle);
        var rows = new TensorInfo(values[0]).Sizes[0];
        var columns = x == 0 ? 0 : new TensorInfo(x).Sizes[1];
        float** v = stackalloc float*[values.Length],
            f = stackalloc float*[values.Length];
        var counts = stackalloc long[values.Length];
        var width = columns;
        for (var k = 0; k < values.Length; k++)
        {
            var list = new TensorInfo(frequencies[k]);
            v[k] = new TensorInfo(values[k]).Floats;
            f[k] = list.Floats;
            counts[k] = list.Sizes[0];
            width += 2 * counts[k];
        }
        var y = LibTorch.Empty(rows, width, LibTorch.Float32);
        Kernels.smt_fourier_features(
            rows,
            columns,
            x == 0 ? null : (float*)LibTorch.Data(x),
            values.Length,
            v,
            f,
            counts,
            width,
            (float*)LibTorch.Data(y)
        );
        LibTorch.Free(x);
        Span<nint> inputs = input is null ? [] : [input.Handle];
        var result = Recording(inputs) ? new FourierFeaturesOperator(rows, columns).Record(y, inputs) : Tensor.UnsafeCreateTensor(y);
        GC.KeepAlive(input);
        foreach (var t in values)
        {
            GC.KeepAlive(t);
        }
        foreach (var t in frequencies)
        {
            GC.KeepAlive(t);
        }
        return result;
    }

    /// <inheritdoc/>
    protected override void Backward(ReadOnlySpan<nint> gradients, Span<nint> results)
    {
        if (gradients[0] != 0)
        {
            var info = new TensorInfo(gradients[0]);
            results[0] = LibTorch.View(gradients[0], [_rows, _columns], new(info.Strides, 2));
        }
    }

    /// <inheritdoc/>
    protected override void Release() { }

    private static bool IsConstant(Tensor tensor) =>
        new TensorInfo(tensor).IsPlain(1) && !(LibTorch.GradMode && LibTorch.RequiresGrad(tensor.Handle));
}
