using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.ScoreOfMixture;

/// <summary>
/// Draws what <see cref="SmtTrainer"/> needs: small numbers (levels, α, labels) from a host generator, noise from the
/// device's.
/// </summary>
public sealed class SmtDrawSource(SmtSpec method, int batch, Generator host, Generator noise)
{
    private readonly AlphaDistribution scoreAlpha = AlphaDistribution.Of(method.ScoreAlpha);
    private readonly AlphaDistribution generatorAlpha = AlphaDistribution.Of(method.GeneratorAlpha);

    /// <summary>Generator input z ~ N(0, I), shaped like <paramref name="x"/>.</summary>
    public Tensor Latents(Tensor x) => Normal(x);

    /// <summary>Classes of the fakes, one-hot; null where there are none.</summary>
    public Tensor? FakeLabels(Tensor? realLabels)
    {
        if (realLabels is null || method.FakeLabels == Specs.FakeLabels.RealBatch) return realLabels;
        var classes = realLabels.Size(1);
        return torch.randint(classes, [batch], host).to(realLabels.Device).one_hot(classes).to(ScalarType.Float32);
    }

    /// <summary>σ of Eq. (24) with the warm-up's mean and deviation, and ε.</summary>
    public (Tensor σ, Tensor ε) Warmup(Tensor x)
    {
        var normal = torch.randn([batch], host).to(x.Device);
        return ((normal * method.WarmupLogSigmaDeviation + method.WarmupLogSigmaMean).exp(), Normal(x));
    }

    /// <summary>Draws of a generator update.</summary>
    public GeneratorDraws Generator(Tensor x) => new(
        Levels(method.GeneratorNoiseFrom, method.GeneratorNoiseTo, x.Device), Normal(x), Alphas(generatorAlpha, x.Device).Device,
        Levels(method.ScoreNoiseFrom, method.ScoreNoiseTo, x.Device), Normal(x), Alphas(generatorAlpha, x.Device).Device);

    /// <summary>Draws of a score update; the discriminator's weight α comes from the generator's distribution, as in the released code.</summary>
    public ScoreDraws Score(Tensor x)
    {
        var (α, onHost) = Alphas(scoreAlpha, x.Device);
        return new(
            Levels(method.ScoreNoiseFrom, method.ScoreNoiseTo, x.Device), Normal(x), Normal(x), α, onHost,
            Levels(method.ScoreNoiseFrom, method.ScoreNoiseTo, x.Device), Normal(x),
            Levels(method.ScoreNoiseFrom, method.ScoreNoiseTo, x.Device), Normal(x), Alphas(generatorAlpha, x.Device).Device);
    }

    private Tensor Normal(Tensor like) => torch.randn(like.Shape, noise);

    // uniform over the indices of the Karras grid, both ends included
    private Tensor Levels(int from, int to, Device device)
    {
        var u = Uniform();
        var σ = new float[batch];
        for (var k = 0; k < batch; k++) σ[k] = KarrasGrid.Sigmas[from + Math.Min((int)(u[k] * (to - from + 1)), to - from)];
        return torch.tensor(σ, [batch], device);
    }

    private (Tensor Device, float[] Host) Alphas(AlphaDistribution distribution, Device device)
    {
        var u = Uniform();
        var α = new float[batch];
        // stratified: row k draws from the k-th of B equal slices of probability
        for (var k = 0; k < batch; k++) α[k] = distribution.At(method.StratifiedAlpha ? (k + u[k]) / batch : u[k]);
        return (torch.tensor(α, [batch], device), α);
    }

    private double[] Uniform() => torch.rand([batch], host, ScalarType.Float64).ToArray<double>();
}
