namespace SmtWeb.Smt.Specs;

/// <summary>What is measured, drawn and kept while training.</summary>
public sealed record EvaluationSpec
{
    /// <summary>Iterations between evaluations (distance and sample grid); warm-up and training count alike.</summary>
    [Setting("Evaluate every", "Iterations between evaluations: distance, sample grid, interpolation strip.", Min = 1, Max = 100_000_000)]
    public int EveryIterations { get; init; } = 500;

    /// <summary>Generated samples per evaluation during training.</summary>
    [Setting("Samples while training", "Generated samples per evaluation during training.", Min = 16, Max = 1_000_000)]
    public int Samples { get; init; } = 5000;

    /// <summary>Generated samples of the last evaluation.</summary>
    [Setting("Samples at the end", "Generated samples of the last evaluation.", Min = 16, Max = 1_000_000)]
    public int FinalSamples { get; init; } = 10000;

    /// <summary>Samples of each class in the grid.</summary>
    [Setting("Grid columns", "Samples per class (row) in the sample grid.", Min = 1, Max = 64)]
    public int GridColumns { get; init; } = 8;

    /// <summary>Iterations between metric points.</summary>
    [Setting("Metrics every", "Iterations between points of the curves.", Min = 1, Max = 1_000_000)]
    public int MetricsEvery { get; init; } = 10;

    /// <summary>Iterations between checkpoints.</summary>
    [Setting("Checkpoint every", "Iterations between checkpoints; one is also written when a run pauses or ends.", Min = 1, Max = 100_000_000)]
    public int CheckpointEvery { get; init; } = 500;

    /// <summary>Checkpoints kept; the newest always stay.</summary>
    [Setting("Checkpoints kept", "Older checkpoints beyond this number are removed; the best by distance stays.", Min = 1, Max = 1000)]
    public int CheckpointsKept { get; init; } = 5;
}
