using SmtWeb.Data.Formats;

namespace SmtWeb.Smt.Specs;

/// <summary>A starting point for a run. A preset changed later never changes a run made from it: runs keep their whole spec.</summary>
public sealed record Preset(string Name, string Title, string Description, TrainingSpec Spec);

/// <summary>The presets, one row each.</summary>
public static class Presets
{
    /// <summary>All presets in the order in which they are offered.</summary>
    public static IReadOnlyList<Preset> All { get; } =
        PresetFamilies.Beside([
            new(
                "swiss-roll",
                "Swiss roll (2-D)",
                "The toy of App. E.2 with larger rates, fewer steps and one hidden layer more: MLPs of width 128, batch 256. "
                    + "Ends within 3 minutes on 2 cores with samples along the whole curve, as in Fig. 5(b); sliced Wasserstein-2 "
                    + "about 0.05.",
                Spec(
                    new SwissRollSpec(),
                    new MlpSpec { HiddenWidth = 128, HiddenLayers = 3 },
                    new SmtSpec
                    {
                        WarmupIterations = 2000,
                        WarmupLogSigmaMean = -0.5,
                        WarmupLogSigmaDeviation = 1.6,
                        ScoreFromWarmup = true,
                        ScoreUpdatesPerGeneratorUpdate = 2,
                        ScoreAlpha = AlphaSampler.ReleasedScore,
                        StratifiedAlpha = true,
                        GeneratorNoiseFrom = 120,
                        GeneratorNoiseTo = 460,
                        ScoreNoiseFrom = 100,
                        ScoreNoiseTo = 500,
                        GanGeneratorWeight = 0.03,
                        GanScoreWeight = 0.1,
                    },
                    new()
                    {
                        BatchSize = 256,
                        Iterations = 30_000,
                        GeneratorRate = 1e-3,
                        ScoreRate = 3e-3,
                        GeneratorSchedule = RateSchedule.Cosine,
                        ScoreSchedule = RateSchedule.Cosine,
                        Beta1 = 0,
                        Beta2 = 0.99,
                        EmaDecay = 0.995,
                    },
                    new()
                    {
                        EveryIterations = 2000,
                        Samples = 5000,
                        FinalSamples = 10_000,
                        MetricsEvery = 50,
                        CheckpointEvery = 4000,
                    },
                    Precision.Float32,
                    threads: 1
                )
            ),
            new(
                "fashion-mnist-quick",
                "Fashion-MNIST, quick",
                "Garments in ten classes within 20 minutes on 2 cores: a small DDPM++ on 4x4 pixel patches. A long denoising warm-up, "
                    + "from which "
                    + "the score network starts too, then 1,500 iterations that turn blurs into garments: FID 1,070 untrained, about "
                    + "340 in the warm-up, about 85 at the end.",
                Spec(
                    new FashionMnistSpec(),
                    new DdpmPpSpec
                    {
                        ModelChannels = 32,
                        ChannelMultipliers = [1, 2],
                        BlocksPerLevel = 1,
                        Patch = 4,
                        AlphaEmbedding = AlphaEmbedding.ReleasedPositional,
                    },
                    new SmtSpec
                    {
                        WarmupIterations = 8000,
                        WarmupRate = 2e-3,
                        WarmupLogSigmaMean = -0.4,
                        WarmupLogSigmaDeviation = 1.5,
                        WarmupRampIterations = 50,
                        ScoreFromWarmup = true,
                        ScoreUpdatesPerGeneratorUpdate = 3,
                        ScoreAlpha = AlphaSampler.ReleasedScore,
                        StratifiedAlpha = true,
                        GeneratorNoiseFrom = 150,
                        GeneratorNoiseTo = 600,
                        ScoreNoiseFrom = 120,
                        ScoreNoiseTo = 650,
                        GanGeneratorWeight = 0.03,
                        GanScoreWeight = 0.2,
                    },
                    new()
                    {
                        BatchSize = 64,
                        Iterations = 1500,
                        GeneratorRate = 2e-4,
                        ScoreRate = 1e-3,
                        RampIterations = 50,
                        Beta1 = 0,
                        Beta2 = 0.99,
                        EmaDecay = 0.995,
                    },
                    new()
                    {
                        EveryIterations = 500,
                        Samples = 5000,
                        FinalSamples = 10_000,
                        MetricsEvery = 10,
                        CheckpointEvery = 500,
                    },
                    Precision.BFloat16
                )
            ),
            new(
                "fashion-mnist-official",
                "Fashion-MNIST, official network",
                "The official repository's MNIST network and rates: 16 base channels, multipliers 1, 2, 3, 4, attention in the middle "
                    + "block only, "
                    + "32x32 without patches. For comparison of speed; it needs many hours on 2 cores to be good.",
                Spec(
                    new FashionMnistSpec(),
                    new DdpmPpSpec
                    {
                        ModelChannels = 16,
                        ChannelMultipliers = [1, 2, 3, 4],
                        BlocksPerLevel = 1,
                        AttentionResolutions = [],
                        Patch = 1,
                        AlphaEmbedding = AlphaEmbedding.ReleasedPositional,
                    },
                    new SmtSpec
                    {
                        WarmupIterations = 5000,
                        WarmupRate = 1e-3,
                        ScoreAlpha = AlphaSampler.ReleasedScore,
                    },
                    new()
                    {
                        BatchSize = 64,
                        Iterations = 150_000,
                        GeneratorRate = 1e-4,
                        ScoreRate = 5e-4,
                        ScoreSchedule = RateSchedule.Cosine,
                        RampIterations = 500,
                        EmaDecay = 0,
                    },
                    new()
                    {
                        EveryIterations = 5000,
                        Samples = 5000,
                        FinalSamples = 10_000,
                        MetricsEvery = 20,
                        CheckpointEvery = 2500,
                    },
                    Precision.BFloat16
                )
            ),
        ]);

    /// <summary>The preset of that name, or null.</summary>
    public static Preset? Find(string name) => All.FirstOrDefault(p => p.Name == name);

    /// <summary>
    /// The same kind of run made so small that it ends in seconds on a CPU: for tests and smoke runs, not for its samples.
    /// </summary>
    public static TrainingSpec ForQuickTest(this TrainingSpec spec) =>
        spec with
        {
            Method = spec.Method switch
            {
                SmtSpec smt => smt with
                {
                    WarmupIterations = Math.Min(smt.WarmupIterations, 4),
                    ScoreUpdatesPerGeneratorUpdate = Math.Min(smt.ScoreUpdatesPerGeneratorUpdate, 2),
                },
                ReverseKlSpec kl => kl with
                {
                    WarmupIterations = Math.Min(kl.WarmupIterations, 4),
                    ScoreUpdatesPerGeneratorUpdate = Math.Min(kl.ScoreUpdatesPerGeneratorUpdate, 2),
                },
                SmdSpec smd => smd with { ScoreUpdatesPerGeneratorUpdate = Math.Min(smd.ScoreUpdatesPerGeneratorUpdate, 2) },
                DiffusionSpec diffusion => diffusion with { SamplerSteps = 2 },
                _ => spec.Method,
            },
            Network = spec.Network switch
            {
                UNetSpec unet => unet with
                {
                    ModelChannels = 8,
                    ChannelMultipliers = [1, 2],
                    BlocksPerLevel = 1,
                    AttentionResolutions = [],
                    Patch = 8,
                },
                MlpSpec mlp => mlp with { HiddenWidth = 16 },
                _ => spec.Network,
            },
            Optimisation = spec.Optimisation with
            {
                BatchSize = Math.Min(spec.Optimisation.BatchSize, 16),
                Iterations = 8,
                RampIterations = Math.Min(spec.Optimisation.RampIterations, 2),
            },
            Evaluation = new EvaluationSpec
            {
                EveryIterations = 4,
                Samples = 32,
                FinalSamples = 64,
                GridColumns = 4,
                MetricsEvery = 1,
                CheckpointEvery = 4,
                CheckpointsKept = 2,
            },
            Hardware = spec.Hardware with { Device = DeviceChoice.Cpu },
        };

    internal static TrainingSpec Spec(
        DataSpec data,
        NetworkSpec network,
        MethodSpec method,
        OptimisationSpec optimisation,
        EvaluationSpec evaluation,
        Precision precision,
        int threads = 0
    ) =>
        new()
        {
            Method = method,
            Network = network,
            Data = data,
            Optimisation = optimisation,
            Evaluation = evaluation,
            Hardware = new HardwareSpec { Precision = precision, Threads = threads },
            Seed = 1,
        };
}
