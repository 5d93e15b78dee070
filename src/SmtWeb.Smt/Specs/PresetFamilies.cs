using SmtWeb.Data.Formats;

namespace SmtWeb.Smt.Specs;

/// <summary>
/// Presets that belong together: the columns of Table 3, the toys of Fig. 5 at the settings of App. E.2, the ablations of Fig. 1b on a
/// network for
/// CPUs, and a teacher with its distillation. The quickstarts stand in <see cref="Presets"/>.
/// </summary>
internal static class PresetFamilies
{
    private const int Fig5Iterations = 200_000;

    /// <summary>
    /// The quickstarts, then the families; the ablations are the quickstart "fashion-mnist-quick" with one thing changed.
    /// </summary>
    internal static IReadOnlyList<Preset> Beside(IReadOnlyList<Preset> quickstarts)
    {
        var quick = quickstarts.Single(p => p.Name == "fashion-mnist-quick").Spec;
        return [.. quickstarts, .. Paper(), .. Fig5(), .. Fig1b(quick), .. Fashion(quick)];
    }

    // the four columns of Table 3; everything beyond the paper is off
    private static IEnumerable<Preset> Paper()
    {
        var (cifar, imagenet) = (
            new Cifar10Spec { Source = "cifar10" },
            new ImageNet64Spec { Source = "imagenet64", HorizontalFlips = false }
        );
        var ddpmpp = new DdpmPpSpec
        {
            ModelChannels = 128,
            ChannelMultipliers = [2, 2, 2],
            BlocksPerLevel = 4,
            AttentionResolutions = [16],
        };
        var adm = new AdmSpec();
        return
        [
            Of(
                "paper/cifar10-smt",
                "CIFAR-10, from scratch",
                "FID 3.13 on 2 A100",
                cifar,
                ddpmpp with
                {
                    ScoreDropout = 0.13,
                },
                new SmtSpec { WarmupIterations = 15_000 },
                150_000,
                1e-4,
                5e-4,
                RateSchedule.Cosine
            ),
            Of(
                "paper/imagenet64-smt",
                "ImageNet 64x64, from scratch",
                "FID 3.23 on 7 A100",
                imagenet,
                adm,
                new SmtSpec { WarmupIterations = 40_000 },
                200_000,
                5e-6,
                5e-5,
                RateSchedule.Cosine
            ),
            Of(
                "paper/cifar10-smd",
                "CIFAR-10, distillation",
                "FID 2.22 on 4 A100",
                cifar,
                ddpmpp,
                new SmdSpec { DropRepeatedPasses = false },
                150_000,
                5e-5,
                5e-5,
                RateSchedule.Constant
            ),
            Of(
                "paper/imagenet64-smd",
                "ImageNet 64x64, distillation",
                "FID 1.48 on 7 A100",
                imagenet,
                adm,
                new SmdSpec { DropRepeatedPasses = false },
                200_000,
                2e-6,
                2e-6,
                RateSchedule.Constant
            ),
        ];

        static Preset Of(
            string name,
            string title,
            string claim,
            DataSpec data,
            NetworkSpec network,
            MethodSpec method,
            int iterations,
            double generator,
            double score,
            RateSchedule scoreSchedule
        ) =>
            new(
                name,
                $"Paper: {title}",
                $"A column of Table 3, batch 280. The paper reports {claim}; these are the paper's figures, not ours, and it gives no "
                    + "memory and no GPU-hours."
                    + (method is SmdSpec ? " Set the teacher to an imported EDM model." : ""),
                Presets.Spec(
                    data,
                    network,
                    method,
                    new()
                    {
                        BatchSize = 280,
                        Iterations = iterations,
                        GeneratorRate = generator,
                        ScoreRate = score,
                        ScoreSchedule = scoreSchedule,
                        RampIterations = 500,
                        EmaDecay = 0,
                    },
                    new()
                    {
                        EveryIterations = 5000,
                        Samples = 10_000,
                        FinalSamples = 50_000,
                        MetricsEvery = 50,
                        CheckpointEvery = 5000,
                    },
                    Precision.BFloat16
                )
            );
    }

    private static IEnumerable<Preset> Fig5() =>
        [
            Toy("fig5/smt", "SMT", "Fig. 5(c): score-of-mixture training with the GAN term.", Scratch(λ: 3e-3, μ: 1e-2), score: 1e-4),
            Toy("fig5/smt-no-gan", "SMT, no GAN", "Fig. 5(b): score-of-mixture training without the GAN term.", Scratch(0, 0), score: 1e-4),
            Toy(
                "fig5/teacher",
                "Diffusion teacher",
                "The denoiser that fig5/smd distils; it draws in 18 Heun steps.",
                new DiffusionSpec { LogSigmaMean = -0.5, LogSigmaDeviation = 1.6 },
                score: 1e-4,
                generator: 1e-3,
                emaDecay: 0.999,
                scoreLayers: 0
            ),
            Toy(
                "fig5/smd",
                "SMD",
                "Fig. 5(d): distillation of fig5/teacher; set the teacher to its run.",
                new SmdSpec
                {
                    GeneratorNoiseFrom = ToyNoise.Generator.From,
                    GeneratorNoiseTo = ToyNoise.Generator.To,
                    ScoreNoiseFrom = ToyNoise.Score.From,
                    ScoreNoiseTo = ToyNoise.Score.To,
                },
                score: 1e-4,
                scoreLayers: 0
            ),
            Toy(
                "fig5/reverse-kl",
                "Reverse KL",
                "Fig. 5(e): α in {0, 1} alone, the reverse KL with DMD's weight.",
                new ReverseKlSpec
                {
                    WarmupIterations = ToyWarmup,
                    GeneratorNoiseFrom = ToyNoise.Generator.From,
                    GeneratorNoiseTo = ToyNoise.Generator.To,
                    ScoreNoiseFrom = ToyNoise.Score.From,
                    ScoreNoiseTo = ToyNoise.Score.To,
                },
                score: 1e-4
            ),
            Toy(
                "fig5/gan",
                "GAN",
                "The GAN of App. E.2: non-saturating loss, rate 1e-4 for both networks.",
                new GanSpec(),
                score: 1e-4,
                generator: 1e-4
            ),
            Toy(
                "fig5/diffusion-gan",
                "Diffusion-GAN",
                "The Diffusion-GAN of App. E.2: the same under noise up to σ = 1.6; the paper found it sensitive to the levels.",
                new DiffusionGanSpec(),
                score: 1e-4,
                generator: 1e-4
            ),
        ];

    // What App. E.2 leaves open, chosen by trial (docs/results.md): the size of the score network (it gives the generator's),
    // the noise levels (σ from 0.02 to 2 where the plane's data are at 1) and the length of the warm-up. A distillation has one
    // size for all, which start from the teacher.
    private const int ToyScoreLayers = 3,
        ToyWarmup = 10_000;
    private static readonly ((int From, int To) Generator, (int From, int To) Score) ToyNoise = ((120, 460), (100, 500));

    private static SmtSpec Scratch(double λ, double μ) =>
        new()
        {
            WarmupIterations = ToyWarmup,
            GanGeneratorWeight = λ,
            GanScoreWeight = μ,
            GeneratorNoiseFrom = ToyNoise.Generator.From,
            GeneratorNoiseTo = ToyNoise.Generator.To,
            ScoreNoiseFrom = ToyNoise.Score.From,
            ScoreNoiseTo = ToyNoise.Score.To,
        };

    private static Preset Toy(
        string name,
        string title,
        string description,
        MethodSpec method,
        double score,
        double generator = 1e-5,
        double emaDecay = 0,
        int scoreLayers = ToyScoreLayers
    ) =>
        new(
            name,
            $"Swiss roll: {title}",
            description
                + " App. E.2: a generator of two hidden layers of 128 with leaky ReLU, batch 256, AdamW, constant rates, 200,000 steps."
                + (scoreLayers == 0 ? "" : " The score network or discriminator has three."),
            Presets.Spec(
                new SwissRollSpec(),
                new MlpSpec
                {
                    HiddenWidth = 128,
                    HiddenLayers = 2,
                    ScoreHiddenLayers = scoreLayers,
                },
                method,
                new()
                {
                    BatchSize = 256,
                    Iterations = Fig5Iterations,
                    GeneratorRate = generator,
                    ScoreRate = score,
                    EmaDecay = emaDecay,
                },
                new()
                {
                    EveryIterations = 20_000,
                    Samples = 5000,
                    FinalSamples = 10_000,
                    MetricsEvery = 200,
                    CheckpointEvery = 20_000,
                    CheckpointsKept = 2,
                },
                Precision.Float32,
                threads: 1
            )
        );

    private static IEnumerable<Preset> Fig1b(TrainingSpec quick)
    {
        var smt = (SmtSpec)quick.Method;
        var noGan = smt with { GanGeneratorWeight = 0, GanScoreWeight = 0 };
        return
        [
            Ablation("fig1b/smt", "all of it", "Score-of-mixture training with adaptive weight, many α and the GAN term.", smt),
            Ablation("fig1b/no-gan", "no GAN term", "Without the GAN term (λ = μ = 0).", noGan),
            Ablation(
                "fig1b/no-adaptive-weight",
                "w_DMD alone, no GAN term",
                "Without the adaptive weight w_α of Eq. (10) and without the GAN term.",
                noGan with
                {
                    AdaptiveWeight = AdaptiveWeight.DmdOnly,
                }
            ),
            Ablation(
                "fig1b/alpha-zero-one",
                "α in {0, 1}, no GAN term",
                "The score knows α in {0, 1} alone, the generator minimises α = 1: the reverse KL.",
                noGan with
                {
                    ScoreAlpha = AlphaSampler.ZeroOne,
                    GeneratorAlpha = AlphaSampler.One,
                }
            ),
        ];

        Preset Ablation(string name, string title, string description, SmtSpec method) =>
            new(
                name,
                $"Fashion-MNIST: {title}",
                description + " One of the four curves of Fig. 1b, on the network of fashion-mnist-quick.",
                quick with
                {
                    Method = method,
                }
            );
    }

    private static IEnumerable<Preset> Fashion(TrainingSpec quick)
    {
        var smt = (SmtSpec)quick.Method;
        return
        [
            new(
                "fashion-mnist-teacher",
                "Fashion-MNIST: diffusion teacher",
                "EDM denoising on the network of fashion-mnist-quick, to be distilled by fashion-mnist-smd; its samples take 18 Heun "
                    + "steps.",
                quick with
                {
                    Method = new DiffusionSpec { LogSigmaMean = smt.WarmupLogSigmaMean, LogSigmaDeviation = smt.WarmupLogSigmaDeviation },
                    Optimisation = quick.Optimisation with
                    {
                        Iterations = 10_000,
                        GeneratorRate = 1e-3,
                        GeneratorSchedule = RateSchedule.Cosine,
                        Beta1 = 0.9,
                        Beta2 = 0.99,
                        EmaDecay = 0.999,
                        EmaRamp = 0.05,
                    },
                    Evaluation = quick.Evaluation with { EveryIterations = 2500, Samples = 1000, FinalSamples = 5000 },
                }
            ),
            new(
                "fashion-mnist-smd",
                "Fashion-MNIST: distillation",
                "Distils a run of fashion-mnist-teacher into one step; set the teacher to that run. From a teacher of 4,000 "
                    + "iterations: FID 178 after 500, 119 after 1,000, 109 after 2,500, where it levels off.",
                quick with
                {
                    Method = new SmdSpec
                    {
                        GeneratorNoiseFrom = smt.GeneratorNoiseFrom,
                        GeneratorNoiseTo = smt.GeneratorNoiseTo,
                        ScoreNoiseFrom = smt.ScoreNoiseFrom,
                        ScoreNoiseTo = smt.ScoreNoiseTo,
                        ScoreUpdatesPerGeneratorUpdate = smt.ScoreUpdatesPerGeneratorUpdate,
                        GanGeneratorWeight = smt.GanGeneratorWeight,
                    },
                    Optimisation = quick.Optimisation with { Iterations = 2500 },
                }
            ),
        ];
    }
}
