using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>Linear layers with leaky ReLU between them, float32.</summary>
internal sealed unsafe class MlpOperator : FusedOperator
{
    private readonly long[] _widths; // of the input and of every layer's output
    private readonly nint[] _weights,
        _biases;
    private readonly bool[] _wanted; // of the input, then weight and bias of each layer
    private readonly float _slope;
    private readonly bool _activateLast;
    private readonly long _rows;
    private nint _x,
        _between,
        _y;

    private MlpOperator(Tensor input, ReadOnlySpan<Tensor> w, ReadOnlySpan<Tensor> b, double slope, bool activateLast)
    {
        (_slope, _activateLast) = ((float)slope, activateLast);
        _x = Handles.RowMajor(input.Handle);
        var info = new TensorInfo(_x);
        _rows = info.Sizes[0];
        (_widths, _weights, _biases, _wanted) = (
            new long[w.Length + 1],
            new nint[w.Length],
            new nint[w.Length],
            new bool[1 + 2 * w.Length]
        );
        _widths[0] = info.Sizes[1];
        for (var k = 0; k < w.Length; k++)
        {
            _widths[k + 1] = new TensorInfo(w[k]).Sizes[0];
            (_weights[k], _biases[k]) = (LibTorch.Share(w[k].Handle), LibTorch.Share(b[k].Handle));
        }
    }

    internal static bool Fits(Tensor input, ReadOnlySpan<Tensor> weights, ReadOnlySpan<Tensor> biases)
    {
        if (!Kernels.Mlp)
        {
            return false;
        }
        var x = new TensorInfo(input);
        if (x is not { OnCpu: true, Type: LibTorch.Float32, Dimensions: 2 } || x.Count == 0)
        {
            return false;
        }
        var width = x.Sizes[1];
        for (var k = 0; k < weights.Length; k++)
        {
            TensorInfo w = new(weights[k]),
                b = new(biases[k]);
            if (!w.IsPlain(2) || w.Count == 0 || w.Sizes[1] != width || !b.IsPlain(1) || b.Sizes[0] != w.Sizes[0])
            {
                return false;
            }
            width = w.Sizes[0];
        }
        return true;
    }

    internal static Tensor Apply(Tensor input, ReadOnlySpan<Tensor> weights, ReadOnlySpan<Tensor> biases, double slope, bool activateLast)
    {
        var call = new MlpOperator(input, weights, biases, slope, activateLast);
        Span<nint> inputs = stackalloc nint[1 + 2 * weights.Length];
        inputs[0] = input.Handle;
        for (var k = 0; k < weights.Length; k++)
        {
            (inputs[1 + 2 * k], inputs[2 + 2 * k]) = (weights[k].Handle, biases[k].Handle);
        }
        var recording = Recording(inputs);
        var y = call.Forward();
        Tensor result;
        if (recording)
        {
            for (var k = 0; k < inputs.Length; k++)
            {
                call._wanted[k] = LibTorch.RequiresGrad(inputs[k]);
            }
            result = call.Record(y, inputs);
        }
        else
        {
            result = call.Unrecorded(y);
        }
        GC.KeepAlive(input);
        foreach (var t in weights)
        {
            GC.KeepAlive(t);
        }
        foreach (var t in biases)
        {
            GC.KeepAlive(t);
        }
        return result;
    }

    private nint Forward()
    {
        var output = LibTorch.Empty(_rows, _widths[^1], LibTorch.Float32);
        float** w = stackalloc float*[_weights.Length],
            b = stackalloc float*[_weights.Length];
        fixed (long* sizes = _widths)
        {
            var shape = Shape(sizes, w, b);
            _between = LibTorch.Empty(Kernels.smt_mlp_between(&shape), LibTorch.Float32);
            Kernels.smt_mlp_forward(&shape, (float*)LibTorch.Data(_x), (float*)LibTorch.Data(_between), (float*)LibTorch.Data(output));
        }
        if (_activateLast)
        {
            // the memory alone: the output itself will hold this operator in its history
            var info = new TensorInfo(output);
            _y = LibTorch.View(output, new(info.Sizes, 2), new(info.Strides, 2));
        }
        return output;
    }

    private Kernels.MlpShape Shape(long* sizes, float** w, float** b)
    {
        for (var k = 0; k < _weights.Length; k++)
        {
            w[k] = Floats(_weights[k]);
            b[k] = Floats(_biases[k]);
        }
        return new()
        {
            Rows = _rows,
            Widths = sizes,
            Weights = w,
            Biases = b,
            Slope = _slope,
            Layers = _weights.Length,
            ActivateLast = _activateLast ? 1 : 0,
            Threads = LibTorch.Threads,
        };
    }

    /// <inheritdoc/>
    protected override void Backward(ReadOnlySpan<nint> gradients, Span<nint> results)
    {
        if (gradients[0] == 0)
        {
            return;
        }
        var dy = Handles.RowMajor(gradients[0]);
        var layers = _weights.Length;
        float** w = stackalloc float*[layers],
            b = stackalloc float*[layers],
            dw = stackalloc float*[layers],
            db = stackalloc float*[layers];
        if (_wanted[0])
        {
            results[0] = LibTorch.Empty(_rows, _widths[0], LibTorch.Float32);
        }
        for (var k = 0; k < layers; k++)
        {
            if (_wanted[1 + 2 * k])
            {
                results[1 + 2 * k] = LibTorch.Empty(_widths[k + 1], _widths[k], LibTorch.Float32);
            }
            if (_wanted[2 + 2 * k])
            {
                results[2 + 2 * k] = LibTorch.Empty(_widths[k + 1], LibTorch.Float32);
            }
            dw[k] = Floats(results[1 + 2 * k]);
            db[k] = Floats(results[2 + 2 * k]);
        }
        fixed (long* sizes = _widths)
        {
            var shape = Shape(sizes, w, b);
            Kernels.smt_mlp_backward(&shape, Floats(_x), Floats(_between), Floats(_y), Floats(dy), Floats(results[0]), dw, db);
        }
        LibTorch.Free(dy);
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        LibTorch.Free(ref _x);
        LibTorch.Free(ref _between);
        LibTorch.Free(ref _y);
        for (var k = 0; k < _weights.Length; k++)
        {
            LibTorch.Free(ref _weights[k]);
            LibTorch.Free(ref _biases[k]);
        }
    }

    private static float* Floats(nint tensor) => tensor == 0 ? null : (float*)LibTorch.Data(tensor);
}
