using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>
/// Reverse KL with DMD's weight (Sec. 5.3, App. E.2): score-of-mixture training whose amortized score knows α ∈ {0, 1}
/// alone and whose generator minimises α = 1, without a GAN term.
/// </summary>
[Choice("Reverse KL (DMD)", "From scratch with α ∈ {0, 1} alone: DMD's gradient with an amortized score.")]
public sealed record ReverseKlSpec : MethodSpec
{
    /// <summary>Denoising iterations that initialise the generator.</summary>
    [Setting("Warm-up iterations", "Denoising iterations that initialise the generator (Sec. 3.5).", Min = 0, Max = 10_000_000)]
    public int WarmupIterations { get; init; }

    /// <summary>Learning rate of the denoising warm-up.</summary>
    [Setting("Warm-up rate", "Learning rate of the denoising warm-up.", Min = 0, ExclusiveMin = true, Max = 1)]
    public double WarmupRate { get; init; } = 1e-3;

    /// <summary>The score network starts from the warmed-up denoiser.</summary>
    [Setting("Score network from warm-up", "Start the score network from the warmed-up denoiser.")]
    public bool ScoreFromWarmup { get; init; }

    /// <summary>Score updates per generator update.</summary>
    [Setting("Score updates per generator update", "The generator steps every n-th iteration.", Min = 1, Max = 1000)]
    public int ScoreUpdatesPerGeneratorUpdate { get; init; } = 5;

    /// <summary>First index of the Karras grid used by the generator gradient.</summary>
    [Setting("Generator noise from", "First index of the 1000-point Karras grid for the generator gradient.", Min = 0, Max = 999)]
    public int GeneratorNoiseFrom { get; init; } = 20;

    /// <summary>Last index (inclusive) of the Karras grid used by the generator gradient.</summary>
    [Setting("Generator noise to", "Last index of the 1000-point Karras grid for the generator gradient.", Min = 0, Max = 999)]
    public int GeneratorNoiseTo { get; init; } = 980;

    /// <summary>First index of the Karras grid used by the score loss.</summary>
    [Setting("Score noise from", "First index of the Karras grid for the score loss.", Min = 0, Max = 999)]
    public int ScoreNoiseFrom { get; init; }

    /// <summary>Last index (inclusive) of the Karras grid used by the score loss.</summary>
    [Setting("Score noise to", "Last index of the Karras grid for the score loss.", Min = 0, Max = 999)]
    public int ScoreNoiseTo { get; init; } = 999;

    /// <inheritdoc/>
    public override int Warmup() => WarmupIterations;

    /// <summary>The same as settings of score-of-mixture training.</summary>
    public SmtSpec AsSmt() =>
        new()
        {
            WarmupIterations = WarmupIterations,
            WarmupRate = WarmupRate,
            ScoreFromWarmup = ScoreFromWarmup,
            ScoreUpdatesPerGeneratorUpdate = ScoreUpdatesPerGeneratorUpdate,
            GeneratorNoiseFrom = GeneratorNoiseFrom,
            GeneratorNoiseTo = GeneratorNoiseTo,
            ScoreNoiseFrom = ScoreNoiseFrom,
            ScoreNoiseTo = ScoreNoiseTo,
            ScoreAlpha = AlphaSampler.ZeroOne,
            GeneratorAlpha = AlphaSampler.One,
            AdaptiveWeight = AdaptiveWeight.DmdOnly,
            GanGeneratorWeight = 0,
            GanScoreWeight = 0,
        };
}

/// <summary>
/// The GAN of Goodfellow et al. 2014 with the non-saturating generator loss (App. D), whose discriminator is the score
/// network's encoder with the discriminator head, fed with clean samples. The score's rate is the discriminator's.
/// </summary>
[Choice("GAN", "Non-saturating GAN on clean samples; the baseline of App. E.2.")]
public sealed record GanSpec : MethodSpec
{
    /// <summary>Discriminator updates per generator update.</summary>
    [Setting("Discriminator updates per generator update", "The generator steps every n-th iteration.", Min = 1, Max = 1000)]
    public int DiscriminatorUpdatesPerGeneratorUpdate { get; init; } = 1;

    /// <summary>Class labels of the fakes.</summary>
    [Setting("Labels of fakes", "Labels the generator is asked for: those of the real batch, or uniform.")]
    public FakeLabels FakeLabels { get; init; } = FakeLabels.RealBatch;
}

/// <summary>
/// Diffusion-GAN (Wang et al. 2023): the same GAN, whose discriminator sees real and generated samples under noise and is
/// told the noise level. Levels are uniform over a range of the Karras grid; their adaptive range is left out.
/// </summary>
[Choice("Diffusion-GAN", "Non-saturating GAN on noisy samples, after Wang et al. 2023; the baseline of App. E.2.")]
public sealed record DiffusionGanSpec : MethodSpec
{
    /// <summary>Discriminator updates per generator update.</summary>
    [Setting("Discriminator updates per generator update", "The generator steps every n-th iteration.", Min = 1, Max = 1000)]
    public int DiscriminatorUpdatesPerGeneratorUpdate { get; init; } = 1;

    /// <summary>First index of the Karras grid.</summary>
    [Setting("Noise from", "First index of the 1000-point Karras grid of the discriminator's noise.", Min = 0, Max = 999)]
    public int NoiseFrom { get; init; }

    /// <summary>Last index (inclusive) of the Karras grid.</summary>
    [Setting(
        "Noise to",
        "Last index of the 1000-point Karras grid of the discriminator's noise; the method is sensitive to it (App. E.2).",
        Min = 0,
        Max = 999
    )]
    public int NoiseTo { get; init; } = 450;

    /// <summary>Class labels of the fakes.</summary>
    [Setting("Labels of fakes", "Labels the generator is asked for: those of the real batch, or uniform.")]
    public FakeLabels FakeLabels { get; init; } = FakeLabels.RealBatch;
}
