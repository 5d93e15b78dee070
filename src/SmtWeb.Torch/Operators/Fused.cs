using static TorchSharp.torch;

namespace SmtWeb.Torch;

#pragma warning disable CA1707, IDE1006, CS8981 // PyTorch's way of naming operators
/// <summary>
/// Operators of ours on TorchSharp's tensors. Each stands for several of libtorch's, with their gradients; on the CPU kernels of
/// <c>src/native</c> compute it, elsewhere libtorch's operators do.
/// </summary>
public static unsafe class Fused
{
    /// <summary>
    /// <paramref name="scale"/> · (conv(resampled input, weight) + bias) + <paramref name="factor"/> · residual with same padding, in
    /// the number format of <paramref name="input"/> [N,C,H,W]; <paramref name="weight"/> [O,C,k,k] with odd k and
    /// <paramref name="bias"/> [O] may have another; <paramref name="residual"/> like the result or null.
    /// </summary>
    public static Tensor conv2d_residual(
        Tensor input,
        Tensor weight,
        Tensor? bias,
        Tensor? residual = null,
        double scale = 1,
        double factor = 1,
        Resample resample = Resample.None
    ) =>
        ConvolutionOperator.Fits(input, weight, bias, residual, resample, out var one)
            ? ConvolutionOperator.Apply(input, weight, bias, residual, scale, factor, resample, one)
            : Plain.Conv2dResidual(input, weight, bias, residual, scale, factor, resample);

    /// <summary>nn.functional.conv2d without the errors of libtorch 2.10 on CPUs (<see cref="Plain.Convolution"/>).</summary>
    public static Tensor conv2d(Tensor input, Tensor weight, Tensor? bias, long[] stride, long[] padding) =>
        Plain.Convolution(input, weight, bias, stride, padding);

    /// <summary>
    /// Linear layers with leaky ReLU of <paramref name="slope"/> (at least 0) after each but the last, after that too where
    /// <paramref name="activateLast"/>. <paramref name="input"/> [N,in], <paramref name="weights"/> [out,in] and
    /// <paramref name="biases"/> [out] of each layer. One operator: for narrow layers, calling several costs as much as their arithmetic.
    /// </summary>
    public static Tensor mlp(Tensor input, ReadOnlySpan<Tensor> weights, ReadOnlySpan<Tensor> biases, double slope, bool activateLast)
    {
        if (weights.Length == 0 || weights.Length != biases.Length)
        {
            throw new TorchException(
                $"mlp takes as many biases as weights, at least one; there are {weights.Length} weights and {biases.Length} biases"
            );
        }
        if (!(slope >= 0))
        {
            throw new TorchException($"mlp takes a slope that keeps the sign, not {slope}");
        }
        return MlpOperator.Fits(input, weights, biases)
            ? MlpOperator.Apply(input, weights, biases, slope, activateLast)
            : Plain.Mlp(input, weights, biases, slope, activateLast);
    }

    /// <summary>
    /// c_skip = σ_data²/(σ²+σ_data²), c_out = σ·σ_data/√(σ²+σ_data²), c_in = 1/√(σ²+σ_data²) and c_noise = ln(σ)/4 of
    /// <paramref name="sigma"/> [N], [N] each. On the CPU they have no gradient to spare.
    /// </summary>
    public static (Tensor Skip, Tensor Out, Tensor In, Tensor Noise) edm_coefficients(Tensor sigma, double sigmaData)
    {
        if (!Kernels.Edm || !IsConstantVector(sigma))
        {
            return Plain.EdmCoefficients(sigma, sigmaData);
        }
        var info = new TensorInfo(sigma);
        var n = info.Sizes[0];
        nint skip = LibTorch.Empty(n, LibTorch.Float32),
            c_out = LibTorch.Empty(n, LibTorch.Float32);
        nint c_in = LibTorch.Empty(n, LibTorch.Float32),
            noise = LibTorch.Empty(n, LibTorch.Float32);
        Kernels.smt_edm_coefficients(
            n,
            info.Floats,
            sigmaData,
            (float*)LibTorch.Data(skip),
            (float*)LibTorch.Data(c_out),
            (float*)LibTorch.Data(c_in),
            (float*)LibTorch.Data(noise)
        );
        GC.KeepAlive(sigma);
        return (
            Tensor.UnsafeCreateTensor(skip),
            Tensor.UnsafeCreateTensor(c_out),
            Tensor.UnsafeCreateTensor(c_in),
            Tensor.UnsafeCreateTensor(noise)
        );
    }

    /// <summary>
    /// a·x + b·z with a factor per row: <paramref name="x"/> and <paramref name="z"/> [N,…], <paramref name="a"/> (null: 1) and
    /// <paramref name="b"/> [N]. Without z it is a·x.
    /// </summary>
    public static Tensor mix_rows(Tensor? a, Tensor x, Tensor? b = null, Tensor? z = null)
    {
        if (b is null != z is null)
        {
            throw new TorchException("mix_rows takes b and z together");
        }
        foreach (var f in (ReadOnlySpan<Tensor?>)[a, b])
        {
            if (f is not null && (x.Dimensions == 0 || f.Dimensions != 1 || f.shape[0] != x.shape[0]))
            {
                throw new TorchException(
                    $"mix_rows takes one factor a row: x has shape [{string.Join(',', x.shape)}], a factor [{string.Join(',', f.shape)}]"
                );
            }
        }
        return MixRowsOperator.Fits(a, x, b, z) ? MixRowsOperator.Apply(a, x, b, z) : Plain.MixRows(a, x, b, z);
    }

    /// <summary>weight · mean (x - target)² of every row: x and target [N,…], weight [N] → [N].</summary>
    public static Tensor row_errors(Tensor x, Tensor target, Tensor weight)
    {
        if (x.Dimensions < 2 || weight.Dimensions != 1 || weight.shape[0] != x.shape[0])
        {
            throw new TorchException(
                $"row_errors takes one weight a row: x has shape [{string.Join(',', x.shape)}], weight [{string.Join(',', weight.shape)}]"
            );
        }
        return RowErrorsOperator.Fits(x, target, weight) ? RowErrorsOperator.Apply(x, target, weight) : Plain.RowErrors(x, target, weight);
    }

    /// <summary>
    /// <paramref name="input"/> [N,D] (or null) and beside it, for each of the <paramref name="values"/> [N], cos(2π v f) and then
    /// sin(2π v f) of its <paramref name="frequencies"/> [F]: [N, D + 2F + …].
    /// </summary>
    public static Tensor fourier_features(Tensor? input, ReadOnlySpan<Tensor> values, ReadOnlySpan<Tensor> frequencies)
    {
        if (values.Length == 0 || values.Length != frequencies.Length)
        {
            throw new TorchException(
                $"fourier_features takes frequencies for each list of values; there are {values.Length} of values and "
                    + $"{frequencies.Length} of frequencies"
            );
        }
        for (var k = 0; k < values.Length; k++)
        {
            if (
                values[k].Dimensions != 1
                || frequencies[k].Dimensions != 1
                || values[k].shape[0] != values[0].shape[0]
                || (input is not null && (input.Dimensions != 2 || input.shape[0] != values[0].shape[0]))
            )
            {
                throw new TorchException("fourier_features takes one value a row, in each list, and x [rows, columns]");
            }
        }
        return FourierFeaturesOperator.Fits(input, values, frequencies)
            ? FourierFeaturesOperator.Apply(input, values, frequencies)
            : Plain.FourierFeatures(input, values, frequencies);
    }

    /// <summary>
    /// One step of AdamW in place, all arguments [N]: gradients times scale, weights times keep, the moments on to the gradients and their
    /// squares, then
    /// weights less rate · first / (√second / root + eps).
    /// </summary>
    public static void adamw_(
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
        var n = weights.NumberOfElements;
        if (gradients.NumberOfElements != n || first.NumberOfElements != n || second.NumberOfElements != n)
        {
            throw new TorchException(
                $"adamw_ takes as many gradients and moments as weights; there are {n} weights, {gradients.NumberOfElements} gradients and "
                    + $"{first.NumberOfElements} and {second.NumberOfElements} moments"
            );
        }
        if (
            Kernels.AdamW
            && IsConstantVector(weights)
            && IsConstantVector(gradients)
            && IsConstantVector(first)
            && IsConstantVector(second)
        )
        {
            Kernels.smt_adamw(
                n,
                new TensorInfo(weights).Floats,
                new TensorInfo(gradients).Floats,
                new TensorInfo(first).Floats,
                new TensorInfo(second).Floats,
                scale,
                keep,
                beta1,
                beta2,
                root,
                eps,
                rate,
                LibTorch.Threads
            );
            GC.KeepAlive(weights);
            GC.KeepAlive(gradients);
            GC.KeepAlive(first);
            GC.KeepAlive(second);
            return;
        }
        Plain.AdamW_(weights, gradients, first, second, scale, keep, beta1, beta2, root, eps, rate);
    }

    /// <summary>
    /// group_norm(x + shift), with <paramref name="silu"/> SiLU of that; <paramref name="input"/> [N,C,H,W], <paramref name="shift"/>
    /// [N,C] or null, weight and bias float32 [C].
    /// </summary>
    public static Tensor group_norm(Tensor input, Tensor? shift, long groups, Tensor weight, Tensor bias, double eps, bool silu) =>
        GroupNormOperator.Fits(input, shift, groups, weight, bias)
            ? GroupNormOperator.Apply(input, shift, groups, weight, bias, eps, silu)
            : Plain.GroupNorm(input, shift, groups, weight, bias, eps, silu);

    /// <summary>
    /// The two ways of a residual block: the fused group norm of <paramref name="input"/>, and the input itself for the other
    /// way. On the CPU the gradients of the two are then added where the first is written, not in a pass of their own.
    /// </summary>
    public static (Tensor Normalised, Tensor Input) group_norm_branch(
        Tensor input,
        long groups,
        Tensor weight,
        Tensor bias,
        double eps,
        bool silu
    ) =>
        GroupNormOperator.Fits(input, null, groups, weight, bias)
            ? GroupNormOperator.Branch(input, groups, weight, bias, eps, silu)
            : (Plain.GroupNorm(input, null, groups, weight, bias, eps, silu), input);

    // float32 in the CPU's memory without history
    private static bool IsConstantVector(Tensor tensor) =>
        new TensorInfo(tensor).IsPlain(1) && !(LibTorch.GradMode && LibTorch.RequiresGrad(tensor.Handle));
}
