using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>group_norm(x + shift) with or without SiLU and, where a network goes two ways from x, x itself for the other way.</summary>
internal sealed unsafe class GroupNormOperator : FusedOperator
{
    private const long MostGroups = 256;

    private Kernels.GroupNormShape _shape;
    private nint _x,
        _shift,
        _weight,
        _bias,
        _statistics;

    internal static bool Fits(Tensor input, Tensor? shift, long groups, Tensor weight, Tensor bias)
    {
        if (!Kernels.GroupNorm)
        {
            return false;
        }
        var x = new TensorInfo(input);
        return x is { OnCpu: true, Dimensions: 4, Type: LibTorch.Float32 or LibTorch.BFloat16 }
            && x.Count > 0
            && groups is > 0 and <= MostGroups
            && x.Sizes[1] % groups == 0
            && IsVector(weight, x.Sizes[1])
            && IsVector(bias, x.Sizes[1])
            && (shift is null || IsShift(shift, x));
    }

    internal static Tensor Apply(Tensor input, Tensor? shift, long groups, Tensor weight, Tensor bias, double eps, bool silu)
    {
        var call = new GroupNormOperator();
        var y = call.Forward(input, shift, groups, weight, bias, eps, silu);
        Span<nint> inputs = shift is null
            ? [input.Handle, weight.Handle, bias.Handle]
            : [input.Handle, weight.Handle, bias.Handle, shift.Handle];
        var result = Recording(inputs) ? call.Record(y, inputs) : call.Unrecorded(y);
        GC.KeepAlive(input);
        GC.KeepAlive(shift);
        GC.KeepAlive(weight);
        GC.KeepAlive(bias);
        return result;
    }

    internal static (Tensor Normalised, Tensor Input) Branch(Tensor input, long groups, Tensor weight, Tensor bias, double eps, bool silu)
    {
        var call = new GroupNormOperator();
        var y = call.Forward(input, null, groups, weight, bias, eps, silu);
        Span<nint> inputs = [input.Handle, weight.Handle, bias.Handle];
        (Tensor, Tensor) results;
        if (Recording(inputs))
        {
            Span<nint> outputs = [y, LibTorch.Share(input.Handle)];
            call.Record(outputs, inputs, inputsAmongOutputs: true);
            results = (Tensor.UnsafeCreateTensor(outputs[0]), Tensor.UnsafeCreateTensor(outputs[1]));
        }
        else
        {
            results = (call.Unrecorded(y), input);
        }
        GC.KeepAlive(input);
        GC.KeepAlive(weight);
        GC.KeepAlive(bias);
        return results;
    }

    private nint Forward(Tensor input, Tensor? given, long groups, Tensor w, Tensor b, double eps, bool silu)
    {
        _x = Handles.Image(input.Handle);
        _shift = given is null ? 0 : Handles.Floats(given);
        (_weight, _bias) = (LibTorch.Share(w.Handle), LibTorch.Share(b.Handle));
        var info = new TensorInfo(_x);
        var y = LibTorch.EmptyImage(info.Sizes[0], info.Sizes[1], info.Sizes[2], info.Sizes[3], info.Type);
        _statistics = LibTorch.Empty(2 * info.Sizes[0] * groups, LibTorch.Float32);
        _shape = new()
        {
            Images = info.Sizes[0],
            Pixels = info.Sizes[2] * info.Sizes[3],
            Channels = info.Sizes[1],
            Groups = groups,
            Epsilon = (float)eps,
            Silu = silu ? 1 : 0,
            BFloat16 = info.Type == LibTorch.BFloat16 ? 1 : 0,
        };
        Bind();
        fixed (Kernels.GroupNormShape* s = &_shape)
        {
            Kernels.smt_group_norm_forward(s, LibTorch.Data(_x), LibTorch.Data(y), (float*)LibTorch.Data(_statistics));
        }
        return y;
    }

    // a backward pass may run on another thread with another number of threads
    private void Bind()
    {
        _shape.Threads = LibTorch.Threads;
        _shape.Shift = _shift == 0 ? null : (float*)LibTorch.Data(_shift);
        _shape.Weight = (float*)LibTorch.Data(_weight);
        _shape.Bias = (float*)LibTorch.Data(_bias);
    }

    /// <inheritdoc/>
    protected override void Backward(ReadOnlySpan<nint> gradients, Span<nint> results)
    {
        var info = new TensorInfo(_x);
        var dy = gradients[0] == 0 ? Handles.Zeros(info, _shape.BFloat16 != 0 ? 2 : 4) : Handles.Image(gradients[0]);
        var more = gradients.Length > 1 && gradients[1] != 0 ? Handles.Image(gradients[1]) : 0;
        results[0] = LibTorch.EmptyImage(info.Sizes[0], info.Sizes[1], info.Sizes[2], info.Sizes[3], info.Type);
        results[1] = LibTorch.Empty(_shape.Channels, LibTorch.Float32);
        results[2] = LibTorch.Empty(_shape.Channels, LibTorch.Float32);
        if (_shift != 0)
        {
            results[3] = LibTorch.Empty(_shape.Images, _shape.Channels, LibTorch.Float32);
        }
        Bind();
        fixed (Kernels.GroupNormShape* s = &_shape)
        {
            Kernels.smt_group_norm_backward(
                s,
                LibTorch.Data(_x),
                LibTorch.Data(dy),
                more == 0 ? null : LibTorch.Data(more),
                (float*)LibTorch.Data(_statistics),
                LibTorch.Data(results[0]),
                _shift == 0 ? null : (float*)LibTorch.Data(results[3]),
                (float*)LibTorch.Data(results[1]),
                (float*)LibTorch.Data(results[2])
            );
        }
        LibTorch.Free(dy);
        LibTorch.Free(more);
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        LibTorch.Free(ref _x);
        LibTorch.Free(ref _shift);
        LibTorch.Free(ref _weight);
        LibTorch.Free(ref _bias);
        LibTorch.Free(ref _statistics);
    }

    private static bool IsVector(Tensor tensor, long length)
    {
        var info = new TensorInfo(tensor);
        return info.IsPlain(1) && info.Sizes[0] == length;
    }

    private static bool IsShift(Tensor tensor, in TensorInfo x)
    {
        var info = new TensorInfo(tensor);
        return info is { OnCpu: true, Dimensions: 2 } && info.Sizes[0] == x.Sizes[0] && info.Sizes[1] == x.Sizes[1];
    }
}
