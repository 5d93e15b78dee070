using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// scale · (conv(resampled x, weight) + bias) + factor · residual in bfloat16 with float32 weights, channels multiples of 16 on both sides,
/// or
/// one channel on one side: what a network of grey images begins and ends with.
/// </summary>
internal sealed unsafe class ConvolutionOperator : FusedOperator
{
    private const long Block = 16; // channels that the kernels take at a time

    private Kernels.ConvolutionShape _shape;
    private nint _x,
        _weight;
    private bool _one,
        _hasBias,
        _wantsInput,
        _wantsWeight,
        _wantsResidual;

    /// <summary>Whether kernels take this; <paramref name="one"/> says which kind.</summary>
    internal static bool Fits(Tensor input, Tensor weight, Tensor? bias, Tensor? residual, Resample resample, out bool one)
    {
        one = false;
        if (!Kernels.Convolution && !Kernels.ConvolutionOfOne)
        {
            return false;
        }
        TensorInfo x = new(input),
            w = new(weight);
        if (
            x is not { OnCpu: true, Type: LibTorch.BFloat16, Dimensions: 4 }
            || w is not { OnCpu: true, Type: LibTorch.Float32, Dimensions: 4 }
            || x.Count == 0
            || w.Sizes[0] == 0
            || w.Sizes[1] != x.Sizes[1]
            || w.Sizes[2] != w.Sizes[3]
            || !IsBias(bias, w.Sizes[0])
        )
        {
            return false;
        }
        long side = w.Sizes[2],
            outputs = w.Sizes[0],
            inputs = w.Sizes[1];
        one =
            Kernels.ConvolutionOfOne
            && side == 3
            && residual is null
            && resample == Resample.None
            && ((inputs == 1 && outputs % Block == 0) || (outputs == 1 && inputs % Block == 0));
        if (one)
        {
            return true;
        }
        if (
            !Kernels.Convolution
            || outputs % Block != 0
            || inputs % Block != 0
            || side is not (1 or 3)
            || (resample == Resample.Down && (x.Sizes[2] % 2 != 0 || x.Sizes[3] % 2 != 0))
        )
        {
            return false;
        }
        if (residual is null)
        {
            return true;
        }
        var r = new TensorInfo(residual);
        var shrink = resample == Resample.Down ? 2 : 1;
        // no block adds to a doubled result
        return resample != Resample.Up
            && r is { OnCpu: true, Type: LibTorch.BFloat16, Dimensions: 4 }
            && r.Sizes[0] == x.Sizes[0]
            && r.Sizes[1] == outputs
            && r.Sizes[2] == x.Sizes[2] / shrink
            && r.Sizes[3] == x.Sizes[3] / shrink;
    }

    internal static Tensor Apply(
        Tensor input,
        Tensor weight,
        Tensor? bias,
        Tensor? residual,
        double scale,
        double factor,
        Resample resample,
        bool one
    )
    {
        var call = new ConvolutionOperator { _one = one, _hasBias = bias is not null };
        var y = call.Forward(input.Handle, weight.Handle, bias?.Handle ?? 0, residual?.Handle ?? 0, scale, factor, resample);
        Span<nint> inputs = stackalloc nint[4];
        var count = 0;
        inputs[count++] = input.Handle;
        inputs[count++] = weight.Handle;
        if (bias is not null)
        {
            inputs[count++] = bias.Handle;
        }
        if (residual is not null)
        {
            inputs[count++] = residual.Handle;
        }
        inputs = inputs[..count];
        Tensor result;
        if (Recording(inputs))
        {
            call._wantsInput = LibTorch.RequiresGrad(input.Handle);
            call._wantsWeight = LibTorch.RequiresGrad(weight.Handle) || (bias is not null && LibTorch.RequiresGrad(bias.Handle));
            call._wantsResidual = residual is not null && LibTorch.RequiresGrad(residual.Handle);
            result = call.Record(y, inputs);
        }
        else
        {
            result = call.Unrecorded(y);
        }
        GC.KeepAlive(input);
        GC.KeepAlive(weight);
        GC.KeepAlive(bias);
        GC.KeepAlive(residual);
        return result;
    }

    private nint Forward(nint input, nint w, nint b, nint r, double scale, double factor, Resample resample)
    {
        _x = Handles.Image(input);
        _weight = Handles.Image(w); // as FlatParameters keeps them
        TensorInfo info = new(_x),
            kernel = new(_weight);
        _shape = new()
        {
            Images = info.Sizes[0],
            Height = info.Sizes[2],
            Width = info.Sizes[3],
            Inputs = kernel.Sizes[1],
            Outputs = kernel.Sizes[0],
            Side = kernel.Sizes[2],
            Scale = (float)scale,
            Factor = (float)factor,
            Change = (int)resample,
            Threads = LibTorch.Threads,
        };
        var (height, width) = resample switch
        {
            Resample.Up => (2 * _shape.Height, 2 * _shape.Width),
            Resample.Down => (_shape.Height / 2, _shape.Width / 2),
            Resample.None => (_shape.Height, _shape.Width),
        };
        var y = LibTorch.EmptyImage(_shape.Images, _shape.Outputs, height, width, LibTorch.BFloat16);
        var halved = resample == Resample.Down ? LibTorch.EmptyImage(_shape.Images, _shape.Inputs, height, width, LibTorch.BFloat16) : 0;
        var bias = b == 0 ? 0 : Handles.RowMajor(b);
        var residual = r == 0 ? 0 : Handles.Image(r);
        fixed (Kernels.ConvolutionShape* s = &_shape)
        {
            if (_one)
            {
                Kernels.smt_conv_one_forward(s, Halves(_x), Floats(_weight), Floats(bias), Halves(y));
            }
            else
            {
                Kernels.smt_conv_forward(s, Halves(_x), Floats(_weight), Floats(bias), Halves(residual), Halves(y), Halves(halved));
            }
        }
        LibTorch.Free(bias);
        LibTorch.Free(residual);
        if (halved != 0)
        {
            LibTorch.Free(_x);
            _x = halved;
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
        var dy = Handles.Image(gradients[0]);
        if (_wantsInput)
        {
            results[0] = LibTorch.EmptyImage(_shape.Images, _shape.Inputs, _shape.Height, _shape.Width, LibTorch.BFloat16);
        }
        if (_wantsWeight)
        {
            results[1] = LibTorch.EmptyImage(_shape.Outputs, _shape.Inputs, _shape.Side, _shape.Side, LibTorch.Float32);
            if (_hasBias)
            {
                results[2] = LibTorch.Empty(_shape.Outputs, LibTorch.Float32);
            }
        }
        _shape.Threads = LibTorch.Threads;
        nint dx = results[0],
            dw = results[1],
            db = _wantsWeight && _hasBias ? results[2] : 0;
        fixed (Kernels.ConvolutionShape* s = &_shape)
        {
            if (_one)
            {
                Kernels.smt_conv_one_backward(s, Halves(_x), Floats(_weight), Halves(dy), Halves(dx), Floats(dw), Floats(db));
            }
            else
            {
                Kernels.smt_conv_backward(s, Halves(_x), Floats(_weight), Halves(dy), Halves(dx), Floats(dw), Floats(db));
            }
        }
        if (_wantsResidual)
        {
            results[_hasBias ? 3 : 2] = _shape.Factor == 1 ? LibTorch.Share(dy) : Multiplied(dy);
        }
        LibTorch.Free(dy);
    }

    private nint Multiplied(nint dy)
    {
        var info = new TensorInfo(dy);
        var result = LibTorch.EmptyImage(info.Sizes[0], info.Sizes[1], info.Sizes[2], info.Sizes[3], LibTorch.BFloat16);
        Kernels.smt_multiply(info.Count, _shape.Factor, Halves(dy), Halves(result));
        return result;
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        LibTorch.Free(ref _x);
        LibTorch.Free(ref _weight);
    }

    private static bool IsBias(Tensor? bias, long outputs)
    {
        if (bias is null)
        {
            return true;
        }
        var info = new TensorInfo(bias);
        return info is { OnCpu: true, Type: LibTorch.Float32, Dimensions: 1 } && info.Sizes[0] == outputs;
    }

    private static ushort* Halves(nint tensor) => tensor == 0 ? null : (ushort*)LibTorch.Data(tensor);

    private static float* Floats(nint tensor) => tensor == 0 ? null : (float*)LibTorch.Data(tensor);
}
