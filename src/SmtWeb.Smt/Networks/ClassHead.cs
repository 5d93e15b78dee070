using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>Discriminator on top of the amortized network's bottleneck: a logit ℓ ≈ log p/q per sample.</summary>
public abstract class DiscriminatorHead : Module
{
    /// <summary>Features [N,…] → logits [N].</summary>
    public abstract Tensor Forward(Tensor feature);
}

/// <summary>
/// Discriminator on the bottleneck (Sec. 3.5, after DMD2): two strided convolutions down to one pixel and a logit
/// ℓ ≈ log p/q. Weight names are the indices of the released sequential.
/// </summary>
public sealed class ClassHead : DiscriminatorHead
{
    private readonly Strided conv0, conv3, conv6;
    private readonly GroupNorm norm1, norm4;

    /// <summary>A head on [N, channels, side, side]; 8×8 is the released one.</summary>
    public ClassHead(long channels, int side, Generator generator, long? groups = null)
    {
        // 32 groups over few channels of one pixel would make the normalisation a step function: at least 8 values a group
        var g = groups ?? Math.Min(32, Math.Max(1, channels / 8));
        var first = side >= 2 ? 4 : 1;
        var rest = side >= 2 ? side / 2 : 1;
        conv0 = Register("0", new Strided(channels, channels, first, side >= 2 ? 2 : 1, side >= 2 ? 1 : 0, generator));
        norm1 = Register("1", new GroupNorm(channels, generator, 1e-5, g));
        conv3 = Register("3", new Strided(channels, channels, rest, Math.Max(1, rest), 0, generator));
        norm4 = Register("4", new GroupNorm(channels, generator, 1e-5, g));
        conv6 = Register("6", new Strided(channels, 1, 1, 1, 0, generator));
    }

    /// <summary>[N, channels, side, side] → logits [N].</summary>
    public override Tensor Forward(Tensor feature) =>
        conv6.Forward(norm4.ForwardSiLU(conv3.Forward(norm1.ForwardSiLU(conv0.Forward(feature))))).reshape(-1);

    private sealed class Strided : Module
    {
        private readonly Parameter weight, bias;
        private readonly int stride, padding;

        internal Strided(long inputs, long outputs, int kernel, int stride, int padding, Generator generator)
        {
            (this.stride, this.padding) = (stride, padding);
            var fan = inputs * kernel * kernel;
            weight = Register("weight", WeightInit.Default([outputs, inputs, kernel, kernel], fan, generator));
            bias = Register("bias", WeightInit.Default([outputs], fan, generator));
        }

        internal Tensor Forward(Tensor x) => torch.functional.conv2d(x, weight.Value, bias.Value, stride, padding);
    }
}
