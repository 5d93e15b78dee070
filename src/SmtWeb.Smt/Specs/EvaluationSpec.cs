using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>Who measures the distance of a run, and how.</summary>
public enum EvaluationMeasure
{
    /// <summary>The trainer itself, at every evaluation.</summary>
    [Choice("In training", "The trainer itself, at every evaluation; training waits meanwhile.")]
    InTraining,

    /// <summary>A process of its own, at every checkpoint: protocol quick.</summary>
    [Choice("Beside training: quick", "A process of its own measures every checkpoint with 5,000 images while training goes on.")]
    Quick,

    /// <summary>A process of its own, at every checkpoint: protocol full-10k.</summary>
    [Choice("Beside training: full-10k", "A process of its own measures every checkpoint with 10,000 images while training goes on.")]
    Full10k,

    /// <summary>A process of its own, at every checkpoint: protocol edm-50k.</summary>
    [Choice(
        "Beside training: edm-50k",
        "A process of its own measures every checkpoint as EDM does: three times 50,000 images, the smallest distance counts."
    )]
    Edm50k,
}

/// <summary>What is measured, drawn and kept while training.</summary>
public sealed record EvaluationSpec
{
    /// <summary>Iterations between evaluations (distance and sample grid); warm-up and training count alike.</summary>
    [Setting(
        "Evaluate every",
        "Iterations between evaluations: distance, sample grid, interpolation strip.",
        Min = 1,
        Max = 100_000_000,
        MayChange = true
    )]
    public int EveryIterations { get; init; } = 500;

    /// <summary>Who measures the distance.</summary>
    [Setting("Measure", "The trainer at every evaluation, or a process of its own at every checkpoint.", MayChange = true)]
    public EvaluationMeasure Measure { get; init; } = EvaluationMeasure.InTraining;

    /// <summary>Generated samples per evaluation during training.</summary>
    [Setting("Samples while training", "Generated samples per evaluation during training.", Min = 16, Max = 1_000_000, MayChange = true)]
    public int Samples { get; init; } = 5000;

    /// <summary>Generated samples of the last evaluation.</summary>
    [Setting("Samples at the end", "Generated samples of the last evaluation.", Min = 16, Max = 1_000_000, MayChange = true)]
    public int FinalSamples { get; init; } = 10000;

    /// <summary>Samples of each class in the grid.</summary>
    [Setting("Grid columns", "Samples per class (row) in the sample grid.", Min = 1, Max = 64, MayChange = true)]
    public int GridColumns { get; init; } = 8;

    /// <summary>Iterations between metric points.</summary>
    [Setting("Metrics every", "Iterations between points of the curves.", Min = 1, Max = 1_000_000, MayChange = true)]
    public int MetricsEvery { get; init; } = 10;

    /// <summary>Iterations between checkpoints.</summary>
    [Setting(
        "Checkpoint every",
        "Iterations between checkpoints; one is also written when a run pauses or ends.",
        Min = 1,
        Max = 100_000_000,
        MayChange = true
    )]
    public int CheckpointEvery { get; init; } = 500;

    /// <summary>Checkpoints kept; the newest always stay.</summary>
    [Setting(
        "Checkpoints kept",
        "Older checkpoints beyond this number are removed; the best by distance stays.",
        Min = 1,
        Max = 1000,
        MayChange = true
    )]
    public int CheckpointsKept { get; init; } = 5;
}
