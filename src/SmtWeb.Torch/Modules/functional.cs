using SmtWeb.Torch.Interop;

namespace SmtWeb.Torch;

#pragma warning disable CS8981, CS1591 // PyTorch's names; the operator's name is its documentation
public static partial class torch
{
    /// <summary>torch.nn.functional.</summary>
    public static class functional
    {
        /// <summary>2-D convolution with a square kernel; <paramref name="input"/> [N,C,H,W], <paramref name="weight"/> [O,C,k,k].</summary>
        public static Tensor conv2d(Tensor input, Tensor weight, Tensor? bias, int stride = 1, int padding = 0) => conv2d(input, weight, bias, stride, padding, padding);

        /// <summary>2-D convolution with a kernel of any shape, padded differently in height and width; <paramref name="weight"/> [O,C,kh,kw].</summary>
        public static unsafe Tensor conv2d(Tensor input, Tensor weight, Tensor? bias, int stride, int paddingHeight, int paddingWidth)
        {
            long* s = stackalloc long[2] { stride, stride }, p = stackalloc long[2] { paddingHeight, paddingWidth };
            var r = Operators.Conv2d.Call([input, weight, bias, Value.IntList(s, 2), Value.IntList(p, 2)]);
            GC.KeepAlive(input);
            GC.KeepAlive(weight);
            GC.KeepAlive(bias);
            return r;
        }

        /// <summary>
        /// <paramref name="scale"/> · (conv(resampled input, weight) + bias) + <paramref name="factor"/> · residual with same padding, in
        /// the number format of <paramref name="input"/> [N,C,H,W]; <paramref name="weight"/> [O,C,k,k] with odd k and
        /// <paramref name="bias"/> [O] may have another; <paramref name="residual"/> like the result or null.
        /// </summary>
        public static Tensor conv2d_residual(
            Tensor input, Tensor weight, Tensor? bias, Tensor? residual = null, double scale = 1, double factor = 1, Resample resample = Resample.None)
        {
            var r = Operators.Conv2dResidual.Call([input, weight, bias, residual, scale, factor, (long)resample]);
            GC.KeepAlive(input);
            GC.KeepAlive(weight);
            GC.KeepAlive(bias);
            GC.KeepAlive(residual);
            return r;
        }

        /// <summary>The channels of two images [N,C,H,W] and [N,D,H,W] in one of C + D; on the CPU the gradients are images of their own again.</summary>
        public static Tensor cat_channels(Tensor first, Tensor second)
        {
            var r = Operators.CatChannels.Call([first, second]);
            GC.KeepAlive(first);
            GC.KeepAlive(second);
            return r;
        }

        public static Tensor linear(Tensor input, Tensor weight, Tensor? bias)
        {
            var r = Operators.Linear.Call([input, weight, bias]);
            GC.KeepAlive(input);
            GC.KeepAlive(weight);
            GC.KeepAlive(bias);
            return r;
        }

        /// <summary>
        /// Linear layers with leaky ReLU of <paramref name="slope"/> (at least 0) after each but the last, after that too where
        /// <paramref name="activateLast"/>. <paramref name="input"/> [N,in], <paramref name="weights"/> [out,in] and
        /// <paramref name="biases"/> [out] of each layer. One operator: for narrow layers, calling several costs as much as their arithmetic.
        /// </summary>
        public static unsafe Tensor mlp(Tensor input, ReadOnlySpan<Tensor> weights, ReadOnlySpan<Tensor> biases, double slope, bool activateLast)
        {
            Span<nint> w = stackalloc nint[weights.Length], b = stackalloc nint[biases.Length];
            for (var k = 0; k < w.Length; k++) w[k] = weights[k].Raw;
            for (var k = 0; k < b.Length; k++) b[k] = biases[k].Raw;
            Tensor r;
            fixed (nint* wp = w) fixed (nint* bp = b)
                r = Operators.Mlp.Call([input, new Value(Value.Tag.TensorList, wp, w.Length), new Value(Value.Tag.TensorList, bp, b.Length), slope, activateLast]);
            GC.KeepAlive(input);
            foreach (var t in weights) GC.KeepAlive(t);
            foreach (var t in biases) GC.KeepAlive(t);
            return r;
        }

        /// <summary>
        /// c_skip = σ_data²/(σ²+σ_data²), c_out = σ·σ_data/√(σ²+σ_data²), c_in = 1/√(σ²+σ_data²) and c_noise = ln(σ)/4 of
        /// <paramref name="sigma"/> [N], [N] each. On the CPU they have no gradient to spare.
        /// </summary>
        public static (Tensor Skip, Tensor Out, Tensor In, Tensor Noise) edm_coefficients(Tensor sigma, double sigmaData)
        {
            var r = Operators.EdmCoefficients.CallMany([sigma, sigmaData], 4);
            GC.KeepAlive(sigma);
            return (r[0], r[1], r[2], r[3]);
        }

        /// <summary>
        /// a·x + b·z with a factor per row: <paramref name="x"/> and <paramref name="z"/> [N,…], <paramref name="a"/> (null: 1) and
        /// <paramref name="b"/> [N]. Without z it is a·x.
        /// </summary>
        public static Tensor mix_rows(Tensor? a, Tensor x, Tensor? b = null, Tensor? z = null)
        {
            var r = Operators.MixRows.Call([a, x, b, z]);
            GC.KeepAlive(a);
            GC.KeepAlive(x);
            GC.KeepAlive(b);
            GC.KeepAlive(z);
            return r;
        }

        /// <summary>weight · mean (x - target)² of every row: x and target [N,…], weight [N] → [N].</summary>
        public static Tensor row_errors(Tensor x, Tensor target, Tensor weight)
        {
            var r = Operators.RowErrors.Call([x, target, weight]);
            GC.KeepAlive(x);
            GC.KeepAlive(target);
            GC.KeepAlive(weight);
            return r;
        }

        /// <summary>
        /// <paramref name="input"/> [N,D] (or null) and beside it, for each of the <paramref name="values"/> [N], cos(2π v f) and then
        /// sin(2π v f) of its <paramref name="frequencies"/> [F]: [N, D + 2F + …].
        /// </summary>
        public static unsafe Tensor fourier_features(Tensor? input, ReadOnlySpan<Tensor> values, ReadOnlySpan<Tensor> frequencies)
        {
            Span<nint> v = stackalloc nint[values.Length], f = stackalloc nint[frequencies.Length];
            for (var k = 0; k < v.Length; k++) v[k] = values[k].Raw;
            for (var k = 0; k < f.Length; k++) f[k] = frequencies[k].Raw;
            Tensor r;
            fixed (nint* vp = v) fixed (nint* fp = f)
                r = Operators.FourierFeatures.Call([input, new Value(Value.Tag.TensorList, vp, v.Length), new Value(Value.Tag.TensorList, fp, f.Length)]);
            GC.KeepAlive(input);
            foreach (var t in values) GC.KeepAlive(t);
            foreach (var t in frequencies) GC.KeepAlive(t);
            return r;
        }

        /// <summary>
        /// One step of AdamW in place, all arguments [N]: gradients times scale, weights times keep, the moments on to the gradients and their squares, then
        /// weights less rate · first / (√second / root + eps).
        /// </summary>
        public static void adamw_(Tensor weights, Tensor gradients, Tensor first, Tensor second, double scale, double keep, double beta1, double beta2, double root, double eps, double rate)
        {
            Operators.AdamW_.Run([weights, gradients, first, second, scale, keep, beta1, beta2, root, eps, rate]);
            GC.KeepAlive(weights);
            GC.KeepAlive(gradients);
            GC.KeepAlive(first);
            GC.KeepAlive(second);
        }

        public static Tensor group_norm(Tensor input, long groups, Tensor weight, Tensor bias, double eps)
        {
            var r = Operators.GroupNorm.Call([input, groups, weight, bias, eps]);
            GC.KeepAlive(input);
            GC.KeepAlive(weight);
            GC.KeepAlive(bias);
            return r;
        }

        /// <summary>
        /// group_norm(x + shift), with <paramref name="silu"/> SiLU of that; <paramref name="input"/> [N,C,H,W], <paramref name="shift"/>
        /// [N,C] or null, weight and bias float32 [C]. One pass over memory on the CPU, the separate operators elsewhere.
        /// </summary>
        public static Tensor group_norm(Tensor input, Tensor? shift, long groups, Tensor weight, Tensor bias, double eps, bool silu)
        {
            Tensor r;
            if (input.Device.Type == DeviceType.Cpu)
            {
                r = Operators.FusedGroupNorm.Call([input, shift, weight, bias, groups, eps, silu]);
                GC.KeepAlive(input);
                GC.KeepAlive(shift);
            }
            else
            {
                var x = shift is null ? input : input + shift.to(input.ScalarType).unsqueeze(2).unsqueeze(3);
                r = group_norm(x, groups, weight.to(x.ScalarType), bias.to(x.ScalarType), eps);
                if (silu) r = r.silu();
            }
            GC.KeepAlive(weight);
            GC.KeepAlive(bias);
            return r;
        }

        /// <summary>
        /// The two ways of a residual block: the fused group norm of <paramref name="input"/>, and the input itself for the other
        /// way. On the CPU the gradients of the two are then added where the first is written, not in a pass of their own.
        /// </summary>
        public static (Tensor Normalised, Tensor Input) group_norm_branch(Tensor input, long groups, Tensor weight, Tensor bias, double eps, bool silu)
        {
            if (input.Device.Type != DeviceType.Cpu) return (group_norm(input, null, groups, weight, bias, eps, silu), input);
            var both = Operators.GroupNormBranch.CallMany([input, weight, bias, groups, eps, silu], 2);
            GC.KeepAlive(input);
            GC.KeepAlive(weight);
            GC.KeepAlive(bias);
            return (both[0], both[1]);
        }

        public static unsafe Tensor avg_pool2d(Tensor input, int size) { long* k = stackalloc long[2] { size, size }; var r = Operators.AvgPool2d.Call([input, Value.IntList(k, 2), Value.IntList(k, 2)]); GC.KeepAlive(input); return r; }

        /// <summary>Mean over windows of <paramref name="size"/>; <paramref name="countPadding"/>: zeros of the padding count as values.</summary>
        public static unsafe Tensor avg_pool2d(Tensor input, int size, int stride, int padding, bool countPadding) { long* k = stackalloc long[6] { size, size, stride, stride, padding, padding }; var r = Operators.AvgPool2d.Call([input, Value.IntList(k, 2), Value.IntList(k + 2, 2), Value.IntList(k + 4, 2), false, countPadding]); GC.KeepAlive(input); return r; }

        /// <summary>Maximum over windows of <paramref name="size"/>.</summary>
        public static unsafe Tensor max_pool2d(Tensor input, int size, int stride, int padding = 0) { long* k = stackalloc long[6] { size, size, stride, stride, padding, padding }; var r = Operators.MaxPool2d.Call([input, Value.IntList(k, 2), Value.IntList(k + 2, 2), Value.IntList(k + 4, 2)]); GC.KeepAlive(input); return r; }
        public static unsafe Tensor max_pool2d(Tensor input, int size) { long* k = stackalloc long[2] { size, size }; var r = Operators.MaxPool2d.Call([input, Value.IntList(k, 2), Value.IntList(k, 2)]); GC.KeepAlive(input); return r; }

        /// <summary>Nearest-neighbour upsampling to [N,C,H·factor,W·factor].</summary>
        public static unsafe Tensor upsample_nearest2d(Tensor input, int factor)
        {
            var shape = input.Shape;
            long* s = stackalloc long[2] { shape[2] * factor, shape[3] * factor };
            var r = Operators.UpsampleNearest2d.Call([input, Value.IntList(s, 2)]);
            GC.KeepAlive(input);
            return r;
        }

        /// <summary>True where libtorch has a fused attention (2.x).</summary>
        public static bool HasFusedAttention => Operators.ScaledDotProductAttention.Exists;

        /// <summary>softmax(q kᵀ/√d) v over [.., L, d]; only where <see cref="HasFusedAttention"/>.</summary>
        public static Tensor scaled_dot_product_attention(Tensor q, Tensor k, Tensor v)
        {
            var r = Operators.ScaledDotProductAttention.Call([q, k, v]);
            GC.KeepAlive(q);
            GC.KeepAlive(k);
            GC.KeepAlive(v);
            return r;
        }
    }
}
