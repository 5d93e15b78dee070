using System.Globalization;
using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>
/// Score-of-Mixture Distillation of a diffusion teacher (Algorithm 2). Where the paper and the released code differ, the
/// setting says so (docs/paper-vs-code.md).
/// </summary>
[Choice("Score-of-Mixture Distillation", "Distils a diffusion teacher into one step, Algorithm 2.")]
public sealed record SmdSpec : MethodSpec
{
    /// <summary>The diffusion model that initialises all networks and stays as s_p.</summary>
    [Setting(
        "Teacher",
        "Number of a finished diffusion run, or name of an imported model; a file's path where there is no database (`smtweb train "
            + "--out`).",
        Min = 1,
        Max = 1024
    )]
    public string Teacher { get; init; } = "";

    /// <summary>The number of the run that <see cref="Teacher"/> names ("7" or "#7"), or null where it names a model.</summary>
    public long? TeacherRun() =>
        long.TryParse(Teacher.TrimStart('#'), NumberStyles.None, CultureInfo.InvariantCulture, out var run) ? run : null;

    /// <summary>Score updates per generator update (5 in Algorithm 2).</summary>
    [Setting("Score updates per generator update", "5 in Algorithm 2; the generator steps every n-th iteration.", Min = 1, Max = 1000)]
    public int ScoreUpdatesPerGeneratorUpdate { get; init; } = 5;

    /// <summary>What trains the fake score and the log-density ratio.</summary>
    [Setting("Score objective", "Released code: three terms. Paper: the joint regression of Eq. (14).")]
    public DistillationObjective ScoreObjective { get; init; } = DistillationObjective.ThreeTerms;

    /// <summary>The encoder learns from the log-density ratio's loss too, not its head alone.</summary>
    [Setting(
        "Encoder learns the ratio",
        "The fake score's encoder also learns from the log-density ratio, as the released scripts ask; off trains the head alone."
    )]
    public bool EncoderLearnsRatio { get; init; } = true;

    /// <summary>One noise for the real and the fake sample of a pair in the ratio's loss.</summary>
    [Setting("Shared noise", "One noise for the real and the fake sample of a pair, as in the released code; off draws two.")]
    public bool SharedNoise { get; init; } = true;

    /// <summary>Distribution of α in the score loss.</summary>
    [Setting("α of the score loss", "How α is drawn for the score update.")]
    public AlphaSampler ScoreAlpha { get; init; } = AlphaSampler.ReleasedDistillationScore;

    /// <summary>Distribution of α in the generator gradient.</summary>
    [Setting("α of the generator", "How α is drawn for the generator gradient.")]
    public AlphaSampler GeneratorAlpha { get; init; } = AlphaSampler.UpperHalf;

    /// <summary>Draw α of a batch from equal strata of its distribution: the same marginal, less variance.</summary>
    [Setting("Stratified α", "Spread the α of one batch evenly over the distribution. Beyond the paper.")]
    public bool StratifiedAlpha { get; init; }

    /// <summary>Weight of Eq. (15).</summary>
    [Setting("Generator weight", "Eq. (15) times w_DMD (released code), or as it stands (paper).")]
    public DistillationWeight GeneratorWeight { get; init; } = DistillationWeight.Dmd;

    /// <summary>First index of the Karras grid used by the generator gradient.</summary>
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

    /// <summary>First index of the Karras grid used by the score losses.</summary>
    [Setting("Score noise from", "First index of the Karras grid for the score losses.", Min = 0, Max = 999)]
    public int ScoreNoiseFrom { get; init; }

    /// <summary>Last index (inclusive) of the Karras grid used by the score losses.</summary>
    [Setting("Score noise to", "Last index of the Karras grid for the score losses.", Min = 0, Max = 999)]
    public int ScoreNoiseTo { get; init; } = 999;

    /// <summary>λ, weight of the GAN term of the generator (3e-3 in the released code).</summary>
    [Setting("GAN weight, generator (λ)", "Weight of the GAN term in the generator update; 0 switches it off.", Min = 0, Max = 100)]
    public double GanGeneratorWeight { get; init; } = 3e-3;

    /// <summary>The GAN term shifts its logit by log(α/(1-α)): Eq. (11), and the released code of distillation.</summary>
    [Setting("GAN log-odds shift", "The GAN term's logit is shifted by log(α/(1-α)), as Eq. (11) and the released distillation code do.")]
    public bool GanLogOdds { get; init; } = true;

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
    [Setting("Labels of fakes", "Labels the generator is asked for: those of the real batch, or uniform (released distillation code).")]
    public FakeLabels FakeLabels { get; init; } = FakeLabels.Uniform;

    /// <summary>
    /// Networks are called once where the released step calls them again on the same input: the same gradient for less.
    /// </summary>
    [Setting(
        "Drop repeated passes",
        "Call no network twice on one input: the released step's gradient for less time. Off repeats its passes."
    )]
    public bool DropRepeatedPasses { get; init; } = true;
}
