namespace SmtWeb.Smt.Specs;

/// <summary>
/// Runs that belong in one picture: presets to be trained together and laid over each other, in the picture's order. Where
/// <paramref name="Teacher"/> is given, it is one of <paramref name="Presets"/> and the distillations among them wait for it.
/// </summary>
public sealed record Sweep(string Name, string Title, string Description, IReadOnlyList<string> Presets, string? Teacher);

/// <summary>The figures of the paper that are made of several runs.</summary>
public static class Sweeps
{
    /// <summary>Iterations of a toy run made presentable in minutes.</summary>
    public const int IterationsInMinutes = 15_000;

    /// <summary>Fig. 5: every method on the Swiss roll.</summary>
    public static Sweep Fig5 { get; } =
        new(
            "fig5",
            "Fig. 5: the Swiss roll by every method",
            "Seven runs at the settings of App. E.2: 10,000 samples of each over the data, with sliced Wasserstein-2 and the share of "
                + "samples off the roll.",
            ["fig5/smt-no-gan", "fig5/smt", "fig5/smd", "fig5/reverse-kl", "fig5/gan", "fig5/diffusion-gan", "fig5/teacher"],
            "fig5/teacher"
        );

    /// <summary>Fig. 1b: the ablations.</summary>
    public static Sweep Fig1b { get; } =
        new(
            "fig1b",
            "Fig. 1b: what each part adds",
            "Four runs on Fashion-MNIST: with everything, without the GAN term, without the adaptive weight, and with α in {0, 1} alone.",
            ["fig1b/smt", "fig1b/no-gan", "fig1b/no-adaptive-weight", "fig1b/alpha-zero-one"],
            null
        );

    /// <summary>All sweeps.</summary>
    public static IReadOnlyList<Sweep> All { get; } = [Fig5, Fig1b];

    /// <summary>The sweep of that name, or null.</summary>
    public static Sweep? Find(string name) => All.FirstOrDefault(s => s.Name == name);

    /// <summary>
    /// A toy run made presentable in minutes on a CPU rather than true to App. E.2: the larger rates and the moving average of
    /// preset "swiss-roll", annealed, for <paramref name="iterations"/> steps.
    /// </summary>
    public static TrainingSpec InMinutes(TrainingSpec spec, int iterations)
    {
        var gan = spec.Method is GanSpec or DiffusionGanSpec;
        var quick = Presets.Find("swiss-roll")!.Spec;
        var smt = (SmtSpec)quick.Method;
        return spec with
        {
            Method = spec.Method switch
            {
                SmtSpec own => smt with
                {
                    GanGeneratorWeight = own.GanGeneratorWeight > 0 ? smt.GanGeneratorWeight : 0,
                    GanScoreWeight = own.GanScoreWeight > 0 ? smt.GanScoreWeight : 0,
                },
                ReverseKlSpec kl => kl with
                {
                    WarmupIterations = smt.WarmupIterations,
                    ScoreFromWarmup = true,
                    ScoreUpdatesPerGeneratorUpdate = smt.ScoreUpdatesPerGeneratorUpdate,
                    GeneratorNoiseFrom = smt.GeneratorNoiseFrom,
                    GeneratorNoiseTo = smt.GeneratorNoiseTo,
                    ScoreNoiseFrom = smt.ScoreNoiseFrom,
                    ScoreNoiseTo = smt.ScoreNoiseTo,
                },
                SmdSpec smd => smd with
                {
                    ScoreUpdatesPerGeneratorUpdate = smt.ScoreUpdatesPerGeneratorUpdate,
                    GanGeneratorWeight = smt.GanGeneratorWeight,
                    GeneratorNoiseFrom = smt.GeneratorNoiseFrom,
                    GeneratorNoiseTo = smt.GeneratorNoiseTo,
                    ScoreNoiseFrom = smt.ScoreNoiseFrom,
                    ScoreNoiseTo = smt.ScoreNoiseTo,
                },
                _ => spec.Method,
            },
            Network = quick.Network,
            Optimisation = quick.Optimisation with
            {
                Iterations = iterations,
                GeneratorRate = gan ? 3e-4 : quick.Optimisation.GeneratorRate,
                ScoreRate = gan ? 3e-4 : quick.Optimisation.ScoreRate,
            },
            Evaluation = spec.Evaluation with
            {
                EveryIterations = Math.Max(1, iterations / 4),
                CheckpointEvery = Math.Max(1, iterations / 4),
            },
        };
    }
}
