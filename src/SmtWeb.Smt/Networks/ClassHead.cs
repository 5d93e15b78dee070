using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>Discriminator on top of the amortized network's bottleneck: a logit ℓ ≈ log p/q per sample. Features [N,…] → logits [N].</summary>
public abstract class DiscriminatorHead : Layer;

/// <summary>
/// Discriminator on the bottleneck (Sec. 3.5, after DMD2): two strided convolutions down to one pixel and a logit
/// ℓ ≈ log p/q. Weight names are the indices of the released sequential.
/// </summary>
public sealed class ClassHead : DiscriminatorHead
{
    private readonly Strided conv0, conv3, conv6;
    private readonly GroupNorm norm1, norm4;

    /// <summary>A head on [N, channels, side, side]; 8×8 is the released one.</summary>
    public ClassHead(long channels, int side, WeightSource random, long? groups = null)
    {
        // 32 groups over few channels of one pixel would make the normalisation a step function: at least 8 values a group
        var g = groups ?? Math.Min(32, Math.Max(1, channels / 8));
        var first = side >= 2 ? 4 : 1;
        var rest = side >= 2 ? side / 2 : 1;
        conv0 = Register("0", new Strided(channels, channels, first, side >= 2 ? 2 : 1, side >= 2 ? 1 : 0, random));
        norm1 = Register("1", new GroupNorm(channels, random, 1e-5, g));
        conv3 = Register("3", new Strided(channels, channels, rest, Math.Max(1, rest), 0, random));
        norm4 = Register("4", new GroupNorm(channels, random, 1e-5, g));
        conv6 = Register("6", new Strided(channels, 1, 1, 1, 0, random));
    }

    /// <summary>[N, channels, side, side] → logits [N].</summary>
    public override Tensor forward(Tensor feature) =>
        conv6.forward(norm4.ForwardSiLU(conv3.forward(norm1.ForwardSiLU(conv0.forward(feature))))).reshape(-1);

    private sealed class Strided : Layer
    {
        private readonly Parameter weight, bias;
        private readonly long[] stride, padding;

        internal Strided(long inputs, long outputs, int kernel, int stride, int padding, WeightSource random)
        {
            (this.stride, this.padding) = ([stride, stride], [padding, padding]);
            var fan = inputs * kernel * kernel;
            weight = Register("weight", WeightInit.Default([outputs, inputs, kernel, kernel], fan, random));
            bias = Register("bias", WeightInit.Default([outputs], fan, random));
        }

        public override Tensor forward(Tensor x) => Fused.conv2d(x, weight, bias, stride, padding);
    }
}
