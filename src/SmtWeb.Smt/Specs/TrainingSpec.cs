using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>
/// Everything that determines a training run: two runs with equal specs on one machine give equal numbers.
/// JSON is camelCase and strict; <c>SpecJson</c> reads and writes it, <c>SpecValidation</c> checks it.
/// </summary>
public sealed record TrainingSpec
{
    /// <summary>The training method and its own settings.</summary>
    [Setting("Method", "How the generator is trained.")]
    public required MethodSpec Method { get; init; }

    /// <summary>Architecture shared by generator and amortized score network.</summary>
    [Setting("Network", "Architecture of the generator and of the amortized score network.")]
    public required NetworkSpec Network { get; init; }

    /// <summary>The data distribution p.</summary>
    [Setting("Data", "What the generator learns to draw.")]
    public required DataSpec Data { get; init; }

    /// <summary>Batch, iterations, rates, clipping, EMA.</summary>
    [Setting("Optimisation", "Batch, iterations, learning rates, clipping and averaging.")]
    public required OptimisationSpec Optimisation { get; init; }

    /// <summary>What is measured, drawn and kept while training.</summary>
    [Setting("Evaluation", "What is measured, drawn and kept while training.")]
    public required EvaluationSpec Evaluation { get; init; }

    /// <summary>Device and number format.</summary>
    [Setting("Hardware", "Device and number format.")]
    public required HardwareSpec Hardware { get; init; }

    /// <summary>Seed of every random draw of the run.</summary>
    [Setting("Seed", "Seed of every random draw of the run.", Min = 0, Max = 9007199254740991)]
    public long Seed { get; init; }
}
