using SmtWeb.Smt.Session;

namespace SmtWeb.Smt.Evaluation;

/// <summary>A metric over the repeats of a protocol.</summary>
public sealed record MetricSummary(string Name, IReadOnlyList<double> Values)
{
    /// <summary>Smallest value.</summary>
    public double Min => Values.Min();

    /// <summary>Mean value.</summary>
    public double Mean => Values.Average();

    /// <summary>Sample standard deviation (divisor n - 1) over the repeats; 0 for one.</summary>
    public double StandardDeviation => Values.Count < 2 ? 0 : Math.Sqrt(Values.Sum(v => (v - Mean) * (v - Mean)) / (Values.Count - 1));
}

/// <summary>The distance of one class.</summary>
public sealed record ClassDistance(int Label, string Name, long Generated, long Real, double Fid);

/// <summary>Everything that a measurement found and everything that it depends on.</summary>
public sealed record EvaluationReport
{
    /// <summary>Protocol, as <see cref="EvaluationProtocol.Name"/>.</summary>
    public required string Protocol { get; init; }

    /// <summary>Iteration of the checkpoint.</summary>
    public required long Iteration { get; init; }

    /// <summary>Real images that it had seen.</summary>
    public required long ImagesSeen { get; init; }

    /// <summary>Training seconds behind it.</summary>
    public required double TrainingSeconds { get; init; }

    /// <summary>Generated images of each repeat.</summary>
    public required int Samples { get; init; }

    /// <summary>Repeats.</summary>
    public required int Repeats { get; init; }

    /// <summary>Seed of the first image.</summary>
    public required long FirstSeed { get; init; }

    /// <summary><c>balanced</c>, <c>random</c> or <c>unconditional</c>.</summary>
    public required string Labels { get; init; }

    /// <summary>Steps per image.</summary>
    public required int Steps { get; init; }

    /// <summary><c>ema</c> or <c>raw</c>.</summary>
    public required string Weights { get; init; }

    /// <summary>How values became bytes: <c>edm</c>; <c>none</c> for points.</summary>
    public required string Rounding { get; init; }

    /// <summary>Name of the data set.</summary>
    public required string Dataset { get; init; }

    /// <summary>Images of the reference.</summary>
    public required long ReferenceImages { get; init; }

    /// <summary>Hash of the reference's numbers.</summary>
    public required string ReferenceHash { get; init; }

    /// <summary>Name of the feature network.</summary>
    public required string Network { get; init; }

    /// <summary>SHA-256 of its file.</summary>
    public required string NetworkHash { get; init; }

    /// <summary>Resize convention.</summary>
    public required string Resize { get; init; }

    /// <summary>The metrics; the first is the distance that ranks.</summary>
    public required IReadOnlyList<MetricSummary> Metrics { get; init; }

    /// <summary>Distances per class, where they were asked for.</summary>
    public IReadOnlyList<ClassDistance>? PerClass { get; init; }

    /// <summary>What to keep in mind when reading the numbers.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Seconds that the measurement took.</summary>
    public double Seconds { get; init; }

    /// <summary>The record that is stored with a run.</summary>
    public EvaluationRecord ToRecord(long? checkpointId = null)
    {
        var distance = Metrics[0];
        return new EvaluationRecord(
            distance.Name,
            distance.Min,
            Iteration,
            ImagesSeen,
            TrainingSeconds,
            Samples,
            FirstSeed,
            ReferenceHash,
            NetworkHash,
            Resize,
            Labels,
            Weights,
            Final: false
        )
        {
            Protocol = Protocol,
            Dataset = Dataset,
            Rounding = Rounding,
            Steps = Steps,
            Repeats = Repeats,
            Mean = distance.Mean,
            StandardDeviation = distance.StandardDeviation,
            Metrics = Metrics.ToDictionary(m => m.Name, m => m.Mean),
            Warnings = Warnings.Count == 0 ? null : Warnings,
            CheckpointId = checkpointId,
        };
    }
}
