using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>Initial weights of EDM's networks (Karras et al. 2022).</summary>
public static class WeightInit
{
    /// <summary>Xavier-uniform values of <paramref name="shape"/>, times <paramref name="scale"/>.</summary>
    public static Tensor XavierUniform(ReadOnlySpan<long> shape, long fanIn, long fanOut, double scale, Generator generator)
    {
        if (scale == 0) return torch.zeros(shape, device: generator.Device);
        return (torch.rand(shape, generator) * 2 - 1) * (Math.Sqrt(6.0 / (fanIn + fanOut)) * scale);
    }

    /// <summary>PyTorch's default for linear and convolution layers: uniform in ±1/√fanIn.</summary>
    public static Tensor Default(ReadOnlySpan<long> shape, long fanIn, Generator generator) =>
        (torch.rand(shape, generator) * 2 - 1) * (1 / Math.Sqrt(fanIn));
}
