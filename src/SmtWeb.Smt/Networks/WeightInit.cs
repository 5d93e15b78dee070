using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>Initial weights of EDM's networks (Karras et al. 2022).</summary>
public static class WeightInit
{
    /// <summary>Xavier-uniform values of <paramref name="shape"/>, times <paramref name="scale"/>.</summary>
    public static Tensor XavierUniform(ReadOnlySpan<long> shape, long fanIn, long fanOut, double scale, Generator generator)
    {
        if (scale == 0) return torch.zeros(shape, device: generator.Device);
        return Uniform(shape, Math.Sqrt(6.0 / (fanIn + fanOut)) * scale, generator);
    }

    /// <summary>PyTorch's default for linear and convolution layers: uniform in ±1/√fanIn.</summary>
    public static Tensor Default(ReadOnlySpan<long> shape, long fanIn, Generator generator) =>
        Uniform(shape, 1 / Math.Sqrt(fanIn), generator);

    // in place: networks of a gigabyte are made in one scope, which would keep every intermediate
    private static Tensor Uniform(ReadOnlySpan<long> shape, double bound, Generator generator) => torch.rand(shape, generator).mul_(2).add_(-1).mul_(bound);
}

/// <summary>How a layer starts: DDPM++ takes Xavier-uniform weights and zero biases, ADM PyTorch's default for both.</summary>
public sealed record LayerInit
{
    private readonly Func<long[], long, long, Generator, Tensor> weight;
    private readonly bool uniformBias;

    private LayerInit(Func<long[], long, long, Generator, Tensor> weight, bool uniformBias = false) => (this.weight, this.uniformBias) = (weight, uniformBias);

    /// <summary>Uniform in ±1/√fanIn, weights and biases (Kaiming-uniform with gain √(1/3)).</summary>
    public static LayerInit Kaiming { get; } = new((shape, fanIn, _, generator) => WeightInit.Default(shape, fanIn, generator), uniformBias: true);

    /// <summary>All zeros: what ends a residual branch of ADM.</summary>
    public static LayerInit Zero { get; } = Xavier(0);

    /// <summary>Xavier-uniform weights times <paramref name="scale"/>, zero biases.</summary>
    public static LayerInit Xavier(double scale = 1) => new((shape, fanIn, fanOut, generator) => WeightInit.XavierUniform(shape, fanIn, fanOut, scale, generator));

    /// <summary>Standard normal weights: a row per class, of unit variance however many classes there are.</summary>
    public static LayerInit Normal { get; } = new((shape, _, _, generator) => torch.randn(shape, generator));

    /// <summary>Initial weights of <paramref name="shape"/>.</summary>
    internal Tensor Weight(long[] shape, long fanIn, long fanOut, Generator generator) => weight(shape, fanIn, fanOut, generator);

    /// <summary>Initial biases.</summary>
    internal Tensor Bias(long outputs, long fanIn, Generator generator) =>
        uniformBias ? WeightInit.Default([outputs], fanIn, generator) : torch.zeros([outputs], device: generator.Device);
}
