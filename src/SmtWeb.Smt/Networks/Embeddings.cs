using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>Sinusoidal embedding of a number, cosines first (DDPM++ and ADM).</summary>
public static class PositionalEmbedding
{
    /// <summary>[N] → [N, channels]; <paramref name="endpoint"/> makes the slowest frequency exactly 1/10000.</summary>
    public static Tensor Forward(Tensor x, long channels, bool endpoint)
    {
        var half = channels / 2;
        var exponents = torch.arange(half, device: x.Device) / (half - (endpoint ? 1 : 0));
        // 10000^-e as exp would round differently from the power that the reference takes: keep the power
        var frequencies = Frequencies(exponents);
        var phases = x.to(ScalarType.Float32).unsqueeze(1) * frequencies.unsqueeze(0);
        return torch.cat([phases.cos(), phases.sin()], 1);
    }

    private static Tensor Frequencies(Tensor exponents)
    {
        var host = exponents.ToArray<float>();
        var f = new float[host.Length];
        for (var k = 0; k < f.Length; k++) f[k] = (float)(1 / Math.Pow(10000, host[k]));
        return torch.tensor(f, [f.Length], exponents.Device);
    }
}

/// <summary>Random Fourier features of a number (scale 16 for α, Sec. 3.4).</summary>
public sealed class FourierEmbedding : Module
{
    /// <summary>An embedding of <paramref name="channels"/> features with fixed random frequencies.</summary>
    public FourierEmbedding(long channels, Generator generator, double scale = 16) =>
        Frequencies = RegisterBuffer("freqs", torch.randn([channels / 2], generator) * scale);

    /// <summary>[channels / 2]</summary>
    internal Tensor Frequencies { get; }

    /// <summary>[N] → [N, channels], cosines first.</summary>
    public Tensor Forward(Tensor x) => torch.functional.fourier_features(null, [x], [Frequencies]);
}
