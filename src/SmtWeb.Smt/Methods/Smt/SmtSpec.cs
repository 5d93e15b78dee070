using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>
/// Score-of-Mixture Training from scratch (Algorithm 1). Where the paper and the released code differ, the setting
/// says so (docs/paper-vs-code.md).
/// </summary>
[Choice("Score-of-Mixture Training", "From scratch, Algorithm 1.")]
public sealed record SmtSpec : MethodSpec
{
    /// <summary>Denoising iterations that initialise the generator (Sec. 3.5 "Initialization", Table 3).</summary>
    [Setting("Warm-up iterations", "Denoising iterations that initialise the generator (Sec. 3.5, Table 3).", Min = 0, Max = 10_000_000)]
    public int WarmupIterations { get; init; }

    /// <summary>Learning rate of the denoising warm-up, η_DSM.</summary>
    [Setting("Warm-up rate", "Learning rate of the denoising warm-up (η_DSM of Algorithm 1).", Min = 0, ExclusiveMin = true, Max = 1)]
    public double WarmupRate { get; init; } = 1e-3;

    /// <summary>Mean of log σ during the warm-up, Eq. (24).</summary>
    [Setting(
        "Warm-up log σ mean",
        "Mean of ln σ in the warm-up, Eq. (24); higher trains the noise levels that generation uses.",
        Min = -10,
        Max = 10
    )]
    public double WarmupLogSigmaMean { get; init; } = -1.2;

    /// <summary>Standard deviation of log σ during the warm-up, Eq. (24).</summary>
    [Setting("Warm-up log σ deviation", "Standard deviation of ln σ in the warm-up, Eq. (24).", Min = 0, Max = 10)]
    public double WarmupLogSigmaDeviation { get; init; } = 1.2;

    /// <summary>Schedule of the warm-up rate.</summary>
    [Setting("Warm-up schedule", "Constant, or cosine to zero at the last warm-up iteration.")]
    public RateSchedule WarmupSchedule { get; init; } = RateSchedule.Cosine;

    /// <summary>Warm-up iterations over which the rate rises linearly from 0.</summary>
    [Setting("Warm-up ramp", "Warm-up iterations over which the rate rises linearly from 0.", Min = 0, Max = 1_000_000)]
    public int WarmupRampIterations { get; init; }

    /// <summary>The score network starts from the warmed-up denoiser; the paper initialises it at random.</summary>
    [Setting(
        "Score network from warm-up",
        "Start the score network from the warmed-up denoiser. The paper starts it at random (Sec. 3.5)."
    )]
    public bool ScoreFromWarmup { get; init; }

    /// <summary>Score updates per generator update (5 in Algorithm 1).</summary>
    [Setting("Score updates per generator update", "5 in Algorithm 1; the generator steps every n-th iteration.", Min = 1, Max = 1000)]
    public int ScoreUpdatesPerGeneratorUpdate { get; init; } = 5;

    /// <summary>Distribution of α in the score loss.</summary>
    [Setting("α of the score loss", "How α is drawn for the score network.")]
    public AlphaSampler ScoreAlpha { get; init; } = AlphaSampler.UniformQuarterZero;

    /// <summary>Distribution of α in the generator gradient.</summary>
    [Setting("α of the generator", "How α is drawn for the generator gradient.")]
    public AlphaSampler GeneratorAlpha { get; init; } = AlphaSampler.UniformNoZero;

    /// <summary>Draw α of a batch from equal strata of its distribution: the same marginal, less variance.</summary>
    [Setting("Stratified α", "Spread the α of one batch evenly over the distribution. Beyond the paper.")]
    public bool StratifiedAlpha { get; init; }

    /// <summary>First index of the 1000-point Karras grid (ascending) used by the generator gradient.</summary>
    [Setting(
        "Generator noise from",
        "First index of the 1000-point Karras grid for the generator gradient (20 in the released code).",
        Min = 0,
        Max = 999
    )]
    public int GeneratorNoiseFrom { get; init; } = 20;

    /// <summary>Last index (inclusive) of the Karras grid used by the generator gradient.</summary>
    [Setting(
        "Generator noise to",
        "Last index of the 1000-point Karras grid for the generator gradient (980 in the released code).",
        Min = 0,
        Max = 999
    )]
    public int GeneratorNoiseTo { get; init; } = 980;

    /// <summary>First index of the Karras grid used by the score and discriminator losses.</summary>
    [Setting("Score noise from", "First index of the Karras grid for the score and discriminator losses.", Min = 0, Max = 999)]
    public int ScoreNoiseFrom { get; init; }

    /// <summary>Last index (inclusive) of the Karras grid used by the score and discriminator losses.</summary>
    [Setting("Score noise to", "Last index of the Karras grid for the score and discriminator losses.", Min = 0, Max = 999)]
    public int ScoreNoiseTo { get; init; } = 999;

    /// <summary>Weighting of the generator gradient.</summary>
    [Setting("Adaptive weight", "w of Eq. (10): w_α·w_DMD, or w_DMD alone (ablation of Fig. 1b).")]
    public AdaptiveWeight AdaptiveWeight { get; init; } = AdaptiveWeight.AlphaAndDmd;

    /// <summary>λ, weight of the GAN term of the generator (3e-3 in the released code).</summary>
    [Setting("GAN weight, generator (λ)", "Weight of the GAN term in the generator update; 0 switches it off.", Min = 0, Max = 100)]
    public double GanGeneratorWeight { get; init; } = 3e-3;

    /// <summary>μ, weight of the discriminator loss (1e-2 in the released code).</summary>
    [Setting("GAN weight, score (μ)", "Weight of the discriminator loss in the score update; 0 switches it off.", Min = 0, Max = 100)]
    public double GanScoreWeight { get; init; } = 1e-2;

    /// <summary>Which form of the GAN terms.</summary>
    [Setting("GAN form", "Paper: logits shifted by log(α/(1-α)), Eq. (11) and App. D.2. Released: no shift.")]
    public GanForm GanForm { get; init; } = GanForm.Released;

    /// <summary>Steps in which the generator can be asked to draw; 1 is the paper's.</summary>
    [Setting(
        "Generator steps",
        "The generator also learns to refine its samples at intermediate noise levels, to be drawn in up to this many steps. 1 is the "
            + "paper's one step.",
        Min = 1,
        Max = 8
    )]
    public int GeneratorSteps { get; init; } = 1;

    /// <summary>Class labels of the fakes.</summary>
    [Setting("Labels of fakes", "Labels the generator is asked for: those of the real batch, or uniform.")]
    public FakeLabels FakeLabels { get; init; } = FakeLabels.RealBatch;

    /// <inheritdoc/>
    public override int Warmup() => WarmupIterations;
}
