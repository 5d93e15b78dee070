using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>
/// Sinusoidal embedding of a number (DDPM++ and ADM). Its frequencies are fixed and no part of the state dict, as in the
/// reference; they stay on the device, so that a forward pass copies nothing.
/// </summary>
public sealed class PositionalEmbedding : Layer
{
    private readonly Tensor _frequencies; // [1, channels / 2]
    private readonly bool _sinesFirst;

    /// <summary>
    /// An embedding of <paramref name="channels"/> features, cosines first unless <paramref name="sinesFirst"/>;
    /// <paramref name="endpoint"/> makes the slowest frequency exactly 1/10000.
    /// </summary>
    public PositionalEmbedding(long channels, bool endpoint, Device device, bool sinesFirst = false)
    {
        _sinesFirst = sinesFirst;
        var f = new float[channels / 2];
        var last = (float)(f.Length - (endpoint ? 1 : 0));
        // 10000^-e as exp would round differently from the power that the reference takes: keep the power
        for (var k = 0; k < f.Length; k++)
        {
            f[k] = (float)(1 / Math.Pow(10000, k / last));
        }
        _frequencies = Tensors.Of(f, [1, f.Length], device).DetachFromDisposeScope();
    }

    /// <summary>[N] → [N, channels].</summary>
    public override Tensor forward(Tensor x)
    {
        var phases = x.unsqueeze(1) * _frequencies;
        return torch.cat(_sinesFirst ? [phases.sin(), phases.cos()] : [phases.cos(), phases.sin()], 1);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _frequencies.Dispose();
        }
        base.Dispose(disposing);
    }
}

/// <summary>Random Fourier features of a number (scale 16 for α, Sec. 3.4).</summary>
public sealed class FourierEmbedding : Layer
{
    /// <summary>An embedding of <paramref name="channels"/> features with fixed random frequencies.</summary>
    public FourierEmbedding(long channels, WeightSource random, double scale = 16) =>
        Frequencies = RegisterBuffer("freqs", torch.randn([channels / 2], generator: random.Random).Times_(scale).to(random.Device));

    /// <summary>[channels / 2]</summary>
    internal Tensor Frequencies { get; }

    /// <summary>[N] → [N, channels], cosines first.</summary>
    public override Tensor forward(Tensor x) => Fused.fourier_features(null, [x], [Frequencies]);
}
