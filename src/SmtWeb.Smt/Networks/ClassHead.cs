using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>
/// Discriminator on top of the amortized network's bottleneck: a logit ℓ ≈ log p/q per sample. Features [N,…] → logits [N].
/// </summary>
public abstract class DiscriminatorHead : Layer;

/// <summary>
/// Discriminator on the bottleneck (Sec. 3.5, after DMD2): two strided convolutions down to one pixel and a logit
/// ℓ ≈ log p/q. Weight names are the indices of the released sequential.
/// </summary>
public sealed class ClassHead : DiscriminatorHead
{
    private readonly Strided _conv0,
        _conv3,
        _conv6;
    private readonly GroupNorm _norm1,
        _norm4;

    /// <summary>A head on [N, channels, side, side]; 8×8 is the released one.</summary>
    public ClassHead(long channels, int side, WeightSource random, long? groups = null)
    {
        // 32 groups over few channels of one pixel would make the normalisation a step function: at least 8 values a group
        var g = groups ?? Math.Min(32, Math.Max(1, channels / 8));
        var first = side >= 2 ? 4 : 1;
        var rest = side >= 2 ? side / 2 : 1;
        _conv0 = Register("0", new Strided(channels, channels, first, side >= 2 ? 2 : 1, side >= 2 ? 1 : 0, random));
        _norm1 = Register("1", new GroupNorm(channels, random, 1e-5, g));
        _conv3 = Register("3", new Strided(channels, channels, rest, Math.Max(1, rest), 0, random));
        _norm4 = Register("4", new GroupNorm(channels, random, 1e-5, g));
        _conv6 = Register("6", new Strided(channels, 1, 1, 1, 0, random));
    }

    /// <summary>[N, channels, side, side] → logits [N].</summary>
    public override Tensor forward(Tensor feature) =>
        _conv6.forward(_norm4.ForwardSiLU(_conv3.forward(_norm1.ForwardSiLU(_conv0.forward(feature))))).reshape(-1);

    private sealed class Strided : Layer
    {
        private readonly Parameter _weight,
            _bias;
        private readonly long[] _stride,
            _padding;

        internal Strided(long inputs, long outputs, int kernel, int stride, int padding, WeightSource random)
        {
            (_stride, _padding) = ([stride, stride], [padding, padding]);
            var fan = inputs * kernel * kernel;
            _weight = Register("weight", WeightInit.Default([outputs, inputs, kernel, kernel], fan, random));
            _bias = Register("bias", WeightInit.Default([outputs], fan, random));
        }

        public override Tensor forward(Tensor x) => Fused.conv2d(x, _weight, _bias, _stride, _padding);
    }
}
