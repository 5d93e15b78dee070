using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>Initial weights of EDM's networks (Karras et al. 2022).</summary>
public static class WeightInit
{
    /// <summary>Xavier-uniform values of <paramref name="shape"/>, times <paramref name="scale"/>.</summary>
    public static Tensor XavierUniform(ReadOnlySpan<long> shape, long fanIn, long fanOut, double scale, WeightSource random)
    {
        if (scale == 0)
        {
            return torch.zeros(shape, device: random.Device);
        }
        return Uniform(shape, Math.Sqrt(6.0 / (fanIn + fanOut)) * scale, random);
    }

    /// <summary>PyTorch's default for linear and convolution layers: uniform in ±1/√fanIn.</summary>
    public static Tensor Default(ReadOnlySpan<long> shape, long fanIn, WeightSource random) => Uniform(shape, 1 / Math.Sqrt(fanIn), random);

    // in place: networks of a gigabyte are made in one scope, which would keep every intermediate
    private static Tensor Uniform(ReadOnlySpan<long> shape, double bound, WeightSource random) =>
        torch.rand(shape, generator: random.Random).Times_(2).Plus_(-1).Times_(bound).to(random.Device);
}

/// <summary>How a layer starts: DDPM++ takes Xavier-uniform weights and zero biases, ADM PyTorch's default for both.</summary>
public sealed record LayerInit
{
    private readonly Func<long[], long, long, WeightSource, Tensor> _weight;
    private readonly bool _uniformBias;

    private LayerInit(Func<long[], long, long, WeightSource, Tensor> weight, bool uniformBias = false) =>
        (_weight, _uniformBias) = (weight, uniformBias);

    /// <summary>Uniform in ±1/√fanIn, weights and biases (Kaiming-uniform with gain √(1/3)).</summary>
    public static LayerInit Kaiming { get; } =
        new((shape, fanIn, _, random) => WeightInit.Default(shape, fanIn, random), uniformBias: true);

    /// <summary>All zeros: what ends a residual branch of ADM.</summary>
    public static LayerInit Zero { get; } = Xavier(0);

    /// <summary>Xavier-uniform weights times <paramref name="scale"/>, zero biases.</summary>
    public static LayerInit Xavier(double scale = 1) =>
        new((shape, fanIn, fanOut, random) => WeightInit.XavierUniform(shape, fanIn, fanOut, scale, random));

    /// <summary>Standard normal weights: a row per class, of unit variance however many classes there are.</summary>
    public static LayerInit Normal { get; } = new((shape, _, _, random) => torch.randn(shape, generator: random.Random).to(random.Device));

    /// <summary>Initial weights of <paramref name="shape"/>.</summary>
    internal Tensor Weight(long[] shape, long fanIn, long fanOut, WeightSource random) => _weight(shape, fanIn, fanOut, random);

    /// <summary>Initial biases.</summary>
    internal Tensor Bias(long outputs, long fanIn, WeightSource random) =>
        _uniformBias ? WeightInit.Default([outputs], fanIn, random) : torch.zeros([outputs], device: random.Device);
}
