using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>Batch, iterations, learning rates, clipping and averaging.</summary>
public sealed record OptimisationSpec
{
    /// <summary>Samples per iteration, B.</summary>
    [Setting("Batch size", "Real samples (and as many fakes) per iteration.", Min = 1, Max = 65536)]
    public int BatchSize { get; init; } = 64;

    /// <summary>Training iterations after the warm-up.</summary>
    [Setting("Iterations", "Training iterations after the warm-up; each is one score update.", Min = 1, Max = 100_000_000)]
    public int Iterations { get; init; } = 1000;

    /// <summary>η_gen.</summary>
    [Setting("Generator rate", "Learning rate of the generator (η_gen, Table 3).", Min = 0, ExclusiveMin = true, Max = 1)]
    public double GeneratorRate { get; init; } = 1e-4;

    /// <summary>η_score.</summary>
    [Setting(
        "Score rate",
        "Learning rate of the amortized score network and discriminator head (η_score, Table 3).",
        Min = 0,
        ExclusiveMin = true,
        Max = 1
    )]
    public double ScoreRate { get; init; } = 5e-4;

    /// <summary>Schedule of the generator rate.</summary>
    [Setting("Generator schedule", "Constant, or cosine to zero at the last iteration.")]
    public RateSchedule GeneratorSchedule { get; init; }

    /// <summary>Schedule of the score rate (cosine in Table 3 for training from scratch).</summary>
    [Setting("Score schedule", "Constant, or cosine to zero at the last iteration (Table 3: cosine from scratch).")]
    public RateSchedule ScoreSchedule { get; init; }

    /// <summary>Iterations over which the rates rise linearly from 0 (500 in the released code).</summary>
    [Setting("Rate ramp", "Iterations over which both rates rise linearly from 0.", Min = 0, Max = 1_000_000)]
    public int RampIterations { get; init; }

    /// <summary>AdamW β1.</summary>
    [Setting("AdamW β1", "Decay of the first moment.", Min = 0, Max = 0.9999)]
    public double Beta1 { get; init; } = 0.9;

    /// <summary>AdamW β2.</summary>
    [Setting("AdamW β2", "Decay of the second moment.", Min = 0, Max = 0.999999)]
    public double Beta2 { get; init; } = 0.999;

    /// <summary>AdamW weight decay.</summary>
    [Setting("Weight decay", "Decoupled weight decay of AdamW.", Min = 0, Max = 1)]
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Largest global gradient norm.</summary>
    [Setting(
        "Gradient clip",
        "Gradients are scaled down to this global norm (10 in the released code).",
        Min = 0,
        ExclusiveMin = true,
        Max = 1e9
    )]
    public double GradientClip { get; init; } = 10;

    /// <summary>Decay of the exponential moving average of the generator per generator update; 0 = none.</summary>
    [Setting("EMA decay", "Moving average of the generator, per generator update; 0 uses the raw weights.", Min = 0, Max = 0.999999)]
    public double EmaDecay { get; init; } = 0.98;

    /// <summary>Share of the updates so far that bounds every average's half-life (EDM: 0.05); 0 = no bound.</summary>
    [Setting(
        "EMA ramp",
        "No average has a longer half-life than this share of the updates so far (0.05 in EDM), so that it forgets the start; 0 = no "
            + "bound.",
        Min = 0,
        Max = 1
    )]
    public double EmaRamp { get; init; }

    /// <summary>Half-lives, in generator updates, of further averages that are evaluated beside the first. Beyond the paper.</summary>
    [Setting(
        "Further EMA half-lives",
        "Half-lives in generator updates of further averages, each with a distance curve of its own, e.g. 500, 2000. Beyond the paper.",
        Min = 0,
        Max = 8
    )]
    public IReadOnlyList<int> EmaHalfLives { get; init; } = [];
}

/// <summary>How a learning rate moves over the run, after its linear ramp.</summary>
public enum RateSchedule
{
    /// <summary>Stays as it is.</summary>
    [Choice("Constant", "Stays as it is after the ramp.")]
    Constant,

    /// <summary>Falls to zero along a half cosine.</summary>
    [Choice("Cosine", "Falls to zero along a half cosine.")]
    Cosine,
}
