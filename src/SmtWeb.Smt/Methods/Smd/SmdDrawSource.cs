using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Methods.Smt;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Methods.Smd;

/// <summary>The draws of a generator update of distillation: one σ [B], ε and α [B] for the divergence and the GAN term.</summary>
public sealed record SmdGeneratorDraws(Tensor σ, Tensor ε, Tensor α);

/// <summary>
/// The draws of a score update of distillation: σ and ε of the denoising of the fakes, and those of the pairs on which the
/// log-density ratio learns. <paramref name="αHost"/> is α again, in host memory: rows of weight 0 are left out.
/// </summary>
public sealed record SmdScoreDraws(
    Tensor σ_fake,
    Tensor ε_fake,
    Tensor σ,
    Tensor ε_pairReal,
    Tensor ε_pairFake,
    Tensor α,
    IReadOnlyList<float> αHost
);

/// <summary>Draws what <see cref="SmdTrainer"/> needs.</summary>
public sealed class SmdDrawSource(SmdSpec method, BatchShare share, Generator host, NoiseStream noise) : DrawSource(share, host, noise)
{
    private readonly AlphaDistribution _scoreAlpha = AlphaDistribution.Of(method.ScoreAlpha);
    private readonly AlphaDistribution _generatorAlpha = AlphaDistribution.Of(method.GeneratorAlpha);

    /// <summary>Classes of the fakes, one-hot; null where there are none.</summary>
    public Tensor? FakeLabels(Tensor? realLabels) => Labels(realLabels, method.FakeLabels);

    /// <summary>Draws of a generator update.</summary>
    public SmdGeneratorDraws Generator(Tensor x) =>
        new(
            Levels(method.GeneratorNoiseFrom, method.GeneratorNoiseTo, x.device),
            Normal(x),
            Alphas(_generatorAlpha, method.StratifiedAlpha, x.device).Device
        );

    /// <summary>Draws of a score update.</summary>
    public SmdScoreDraws Score(Tensor x)
    {
        var (α, onHost) = Alphas(_scoreAlpha, method.StratifiedAlpha, x.device);
        var ε = Normal(x);
        return new(
            Levels(method.ScoreNoiseFrom, method.ScoreNoiseTo, x.device),
            Normal(x),
            Levels(method.ScoreNoiseFrom, method.ScoreNoiseTo, x.device),
            ε,
            method.SharedNoise ? ε : Normal(x),
            α,
            onHost
        );
    }
}
