namespace SmtWeb.Smt.Evaluation;

/// <summary>Which classes the generated images are of.</summary>
public enum LabelDistribution
{
    /// <summary>Image i is of class i mod K.</summary>
    Balanced,

    /// <summary>Each image's class is drawn from its seed, as EDM does.</summary>
    Random,
}

/// <summary>
/// How a generator is measured. Repeat r uses the seeds r·Samples … (r + 1)·Samples - 1, one per image; the reported value
/// is the smallest of the repeats, with mean and standard deviation beside it.
/// </summary>
public sealed record EvaluationProtocol(string Name, string Title, int Samples, int Repeats, LabelDistribution Labels)
{
    /// <summary>Images whose features are kept for kernel distance, precision and recall; the Fréchet distance takes all.</summary>
    public const int FeaturesKept = 10_000;

    /// <summary>Steps per image of a few-step generator; null draws in one (a diffusion model in those of its spec).</summary>
    public int? Steps { get; private init; }

    /// <summary>The protocols by name.</summary>
    public static IReadOnlyList<EvaluationProtocol> All { get; } =
    [
        new("quick", "5,000 images", 5_000, 1, LabelDistribution.Balanced),
        new("full-10k", "10,000 images", 10_000, 1, LabelDistribution.Balanced),
        new("edm-50k", "EDM: three times 50,000 images, the smallest counts", 50_000, 3, LabelDistribution.Random),
    ];

    /// <summary>The protocol that a spec's <c>evaluation.measure</c> names in JSON; null for <c>inTraining</c> and for nothing.</summary>
    public static EvaluationProtocol? OfChoice(string? choice) =>
        choice switch
        {
            "quick" => All[0],
            "full10k" => All[1],
            "edm50k" => All[2],
            _ => null,
        };

    /// <summary>
    /// The protocol of a name, or null: one of <see cref="All"/>, or one with steps, as <see cref="WithSteps"/> names it.
    /// </summary>
    public static EvaluationProtocol? TryFind(string name) =>
        All.FirstOrDefault(p => p.Name == name)
        ?? All.SelectMany(_ => new int?[] { 2, 4 }, (p, n) => p.WithSteps(n)).FirstOrDefault(p => p.Name == name);

    /// <summary>The protocol of a name, as <see cref="TryFind"/>.</summary>
    /// <exception cref="ArgumentException">There is none; names those that there are.</exception>
    public static EvaluationProtocol Find(string name) =>
        TryFind(name)
        ?? throw new ArgumentException(
            $"There is no protocol '{name}'; there are {string.Join(", ", All.Select(p => p.Name))}.",
            nameof(name)
        );

    /// <summary>
    /// The same with so many steps per image. With more than one it has a name of its own (<c>quick-2-steps</c>), so that its
    /// numbers are never taken for those of one step.
    /// </summary>
    public EvaluationProtocol WithSteps(int? steps) => this with { Steps = steps, Name = steps > 1 ? $"{Name}-{steps}-steps" : Name };
}
