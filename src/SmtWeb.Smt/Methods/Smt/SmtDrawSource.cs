using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Methods.Smt;

/// <summary>Draws what <see cref="SmtTrainer"/> needs.</summary>
public sealed class SmtDrawSource(SmtSpec method, BatchShare share, Generator host, NoiseStream noise) : DrawSource(share, host, noise)
{
    private readonly AlphaDistribution _scoreAlpha = AlphaDistribution.Of(method.ScoreAlpha);
    private readonly AlphaDistribution _generatorAlpha = AlphaDistribution.Of(method.GeneratorAlpha);

    /// <summary>Classes of the fakes, one-hot; null where there are none.</summary>
    public Tensor? FakeLabels(Tensor? realLabels) => Labels(realLabels, method.FakeLabels);

    /// <summary>σ of Eq. (24) with the warm-up's mean and deviation, and ε.</summary>
    public (Tensor σ, Tensor ε) Warmup(Tensor x) => LogNormal(x, method.WarmupLogSigmaMean, method.WarmupLogSigmaDeviation);

    /// <summary>Draws of a generator update.</summary>
    public GeneratorDraws Generator(Tensor x) =>
        new(
            Levels(method.GeneratorNoiseFrom, method.GeneratorNoiseTo, x.device),
            Normal(x),
            Alphas(_generatorAlpha, x.device).Device,
            Levels(method.ScoreNoiseFrom, method.ScoreNoiseTo, x.device),
            Normal(x),
            Alphas(_generatorAlpha, x.device).Device
        );

    /// <summary>
    /// Draws of a score update; the discriminator's weight α comes from the generator's distribution, as in the released code.
    /// </summary>
    public ScoreDraws Score(Tensor x)
    {
        var (α, onHost) = Alphas(_scoreAlpha, x.device);
        return new(
            Levels(method.ScoreNoiseFrom, method.ScoreNoiseTo, x.device),
            Normal(x),
            Normal(x),
            α,
            onHost,
            Levels(method.ScoreNoiseFrom, method.ScoreNoiseTo, x.device),
            Normal(x),
            Levels(method.ScoreNoiseFrom, method.ScoreNoiseTo, x.device),
            Normal(x),
            Alphas(_generatorAlpha, x.device).Device
        );
    }

    private (Tensor Device, float[] Host) Alphas(AlphaDistribution distribution, Device device) =>
        Alphas(distribution, method.StratifiedAlpha, device);
}
