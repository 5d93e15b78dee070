using TorchSharp;
using static TorchSharp.torch;

namespace SmtWeb.Torch;

/// <summary>
/// The operators of <see cref="Fused"/> said in libtorch's own: what runs on GPUs, in other number formats and where there are no
/// kernels, and what the kernels are compared with.
/// </summary>
internal static class Plain
{
    internal static Tensor Conv2dResidual(
        Tensor input,
        Tensor weight,
        Tensor? bias,
        Tensor? residual,
        double scale,
        double factor,
        Resample resample
    )
    {
        using var scope = NewDisposeScope();
        var type = input.dtype;
        Tensor Scaled(Tensor t) => (scale == 1 ? t : t.Times(scale)).to(type);
        Tensor Doubled(Tensor t) => nn.functional.interpolate(t, size: [2 * t.shape[2], 2 * t.shape[3]], mode: InterpolationMode.Nearest);
        // a convolution of single pixels that doubles is doubled afterwards: the same numbers for a quarter of the work
        var side = weight.shape[2];
        var afterwards = resample == Resample.Up && side == 1;
        var x =
            resample == Resample.Down ? nn.functional.avg_pool2d(input, 2)
            : resample == Resample.Up && !afterwards ? Doubled(input)
            : input;
        var y = Convolution(x, Scaled(weight), bias is null ? null : Scaled(bias), [1, 1], [side / 2, side / 2]);
        if (afterwards)
        {
            y = Doubled(y);
        }
        if (residual is not null)
        {
            y = factor == 1 ? y.add(residual) : y.PlusTimes(residual, factor);
        }
        return y.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// nn.functional.conv2d, on CPUs by a way round the errors of the oneDNN in libtorch 2.10 (ADR 20 has the table; wrong by the size
    /// of the result, in float32 and bfloat16): numbers of channels that are no multiple of 16 read memory that nobody wrote, so they
    /// are filled up with zeros, channels last; single pixels in float32 on several threads are wrong for 80 or 112 outputs, so they are
    /// a linear layer.
    /// </summary>
    internal static Tensor Convolution(Tensor input, Tensor weight, Tensor? bias, long[] stride, long[] padding)
    {
        if (input.device_type != DeviceType.CPU || input.dtype is not (ScalarType.Float32 or ScalarType.BFloat16))
        {
            return nn.functional.conv2d(input, weight, bias, stride, padding);
        }
        using var scope = NewDisposeScope();
        if (input.dtype == ScalarType.Float32 && weight.shape is [_, _, 1, 1] && stride is [1, 1] && padding is [0, 0])
        {
            var pixels = input.permute(0, 2, 3, 1); // a row each, where the channels are last
            return nn.functional.linear(pixels, weight.flatten(1), bias).permute(0, 3, 1, 2).MoveToOuterDisposeScope();
        }
        long outputs = weight.shape[0],
            inputs = weight.shape[1];
        long moreOutputs = UpToBlock(outputs),
            moreInputs = UpToBlock(inputs);
        if (moreOutputs == 0 && moreInputs == 0)
        {
            return nn.functional.conv2d(input, weight, bias, stride, padding).MoveToOuterDisposeScope();
        }
        var x = moreInputs == 0 ? input : nn.functional.pad(input, [0, 0, 0, 0, 0, moreInputs]);
        var w = nn.functional.pad(weight, [0, 0, 0, 0, 0, moreInputs, 0, moreOutputs]);
        var b = bias is null || moreOutputs == 0 ? bias : nn.functional.pad(bias, [0, moreOutputs]);
        var y = nn.functional.conv2d(Dispatcher.channels_last(x), w, b, stride, padding);
        return (moreOutputs == 0 ? y : y.narrow(1, 0, outputs)).MoveToOuterDisposeScope();
    }

    private static long UpToBlock(long channels) => (16 - channels % 16) % 16;

    internal static Tensor Mlp(Tensor input, ReadOnlySpan<Tensor> weights, ReadOnlySpan<Tensor> biases, double slope, bool activateLast)
    {
        using var scope = NewDisposeScope();
        var y = input;
        for (var k = 0; k < weights.Length; k++)
        {
            y = nn.functional.linear(y, weights[k], biases[k]);
            if (k + 1 < weights.Length || activateLast)
            {
                y = y.LeakyReLU(slope);
            }
        }
        return y.MoveToOuterDisposeScope();
    }

    internal static (Tensor Skip, Tensor Out, Tensor In, Tensor Noise) EdmCoefficients(Tensor sigma, double sigmaData)
    {
        using var scope = NewDisposeScope();
        var total = (sigma * sigma).Plus(sigmaData * sigmaData);
        var root = total.sqrt();
        return (
            total.reciprocal().Times(sigmaData * sigmaData).MoveToOuterDisposeScope(),
            (sigma.Times(sigmaData) / root).MoveToOuterDisposeScope(),
            root.reciprocal().MoveToOuterDisposeScope(),
            sigma.log().Over(4).MoveToOuterDisposeScope()
        );
    }

    internal static Tensor MixRows(Tensor? a, Tensor x, Tensor? b, Tensor? z)
    {
        using var scope = NewDisposeScope();
        var shape = new long[x.Dimensions];
        Array.Fill(shape, 1);
        shape[0] = x.shape[0];
        var y = a is null ? x.alias() : a.view(shape) * x;
        return (z is null ? y : y + b!.view(shape) * z).MoveToOuterDisposeScope();
    }

    internal static Tensor RowErrors(Tensor x, Tensor target, Tensor weight)
    {
        using var scope = NewDisposeScope();
        var difference = (x - target).flatten(1);
        return ((difference * difference).mean([1]) * weight).MoveToOuterDisposeScope();
    }

    internal static Tensor FourierFeatures(Tensor? input, ReadOnlySpan<Tensor> values, ReadOnlySpan<Tensor> frequencies)
    {
        using var scope = NewDisposeScope();
        var parts = new List<Tensor>();
        if (input is not null)
        {
            parts.Add(input);
        }
        for (var k = 0; k < values.Length; k++)
        {
            // 2πf is rounded to float32 before the product, as in the reference
            var phases = values[k].to(ScalarType.Float32).unsqueeze(1) * frequencies[k].Times((float)(2 * Math.PI));
            parts.Add(phases.cos());
            parts.Add(phases.sin());
        }
        return cat(parts, 1).MoveToOuterDisposeScope();
    }

    internal static void AdamW_(
        Tensor weights,
        Tensor gradients,
        Tensor first,
        Tensor second,
        double scale,
        double keep,
        double beta1,
        double beta2,
        double root,
        double eps,
        double rate
    )
    {
        using var scope = NewDisposeScope();
        if (scale != 1)
        {
            gradients.Times_(scale);
        }
        weights.Times_(keep);
        first.Times_(beta1).PlusTimes_(gradients, 1 - beta1);
        second.Times_(beta2).PlusProduct_(gradients, gradients, 1 - beta2);
        weights.PlusQuotient_(first, second.sqrt().Over_(root).Plus_(eps), -rate);
    }

    internal static Tensor GroupNorm(Tensor input, Tensor? shift, long groups, Tensor weight, Tensor bias, double eps, bool silu)
    {
        using var scope = NewDisposeScope();
        var type = input.dtype;
        var x = shift is null ? input : input + shift.to(type).unsqueeze(2).unsqueeze(3);
        var y = nn.functional.group_norm(x, groups, weight.to(type), bias.to(type), eps);
        return (silu ? nn.functional.silu(y) : y).MoveToOuterDisposeScope();
    }
}
