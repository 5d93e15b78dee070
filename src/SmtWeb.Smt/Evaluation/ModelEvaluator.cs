using System.Diagnostics;
using SmtWeb.Data.Batches;
using SmtWeb.Data.Formats;
using SmtWeb.Measures;
using SmtWeb.Measures.Statistics;
using SmtWeb.Smt.Sampling;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Evaluation;

/// <summary>
/// Measures a generator by a protocol: Fréchet and kernel distance, precision and recall, Inception score, and the
/// Fréchet distance of each class. Images pass through in batches; what is kept is bounded by
/// <see cref="EvaluationProtocol.FeaturesKept"/> feature vectors and the covariances.
/// </summary>
public sealed partial class ModelEvaluator(
    OneStepGenerator generator,
    IEvaluationImages images,
    IFeatureNetwork network,
    ReferenceStatistics reference
)
{
    private const int Batch = 128;
    private const int Splits = 10;
    private const int MostNamed = 8;

    /// <summary>Fewer images of a class than this times the feature dimension get a warning.</summary>
    private const int EnoughPerDimension = 10;

    private readonly List<string> _warnings = [];

    // the data's number of each class of the model: by name where both have names
    private readonly int[] _inData = ClassNaming.Match(generator.ClassCount, generator.KnownClassNames, images.Classes, images.ClassNames);

    // no image is asked of a class that there are none of
    private int[]? _present;

    /// <summary>Reports progress.</summary>
    public Action<MeasureProgress>? Progress { get; init; }

    /// <summary>
    /// Whether the images are meant to be those that the model was trained on: where they are not any more, the record says so.
    /// </summary>
    public bool OfItsOwnData { get; init; }

    /// <summary>Also measure each class on its own.</summary>
    public bool PerClass { get; init; }

    /// <summary>What records call statistics that do not say whose they are, such as the name of their file.</summary>
    public string? ReferenceName { get; init; }

    private int[] Present => _present ??= ClassCoverage.Present(CountsByModel(), generator.ClassCount);

    private bool ByName => generator.KnownClassNames.Count > 0 && images.ClassNames.Count > 0;

    private string ReferenceTitle => reference.Origin?.Dataset ?? ReferenceName ?? "statistics of unknown origin";

    /// <summary>Measures.</summary>
    /// <exception cref="ArgumentException">Images, network and reference do not fit together.</exception>
    public EvaluationReport Evaluate(EvaluationProtocol protocol, CancellationToken ct = default)
    {
        var clock = Stopwatch.StartNew();
        EnsureSteps(generator, protocol);
        CheckFit();
        CheckData(ct);
        _warnings.AddRange(FewImages.Warnings(protocol.Samples, reference.Origin?.Images ?? 0, network.Dimension));
        var real = IsOfImages(ct) ? RealFeatures(protocol, ct) : null;
        var classes = PerClass && real is not null ? DatasetStatistics.OfClasses(images, network, Progress, ct) : null;
        var repeats = Enumerable.Range(0, protocol.Repeats).Select(r => Repeat(protocol, r, real, classes, ct)).ToList();
        var first = repeats[0];
        return Report(
            generator,
            protocol,
            [.. first.Metrics.Select((m, k) => new MetricSummary(m.Name, [.. repeats.Select(r => r.Metrics[k].Value)]))],
            clock
        ) with
        {
            Labels = generator.ClassCount == 0 ? "unconditional" : protocol.Labels.ToString().ToLowerInvariant(),
            Rounding = "edm",
            Dataset = ReferenceTitle,
            ReferenceImages = reference.Origin?.Images ?? 0,
            ReferenceHash = reference.Hash,
            Network = network.Name,
            NetworkHash = network.Hash,
            Resize = network.Resize,
            PerClass = first.Classes,
            Warnings = [.. _warnings.Distinct()],
        };
    }

    /// <summary>Measures a generator of points in the plane: sliced Wasserstein-2 to a fixed draw of the data.</summary>
    public static EvaluationReport EvaluatePoints(OneStepGenerator generator, EvaluationProtocol protocol)
    {
        if (generator.Spec.Data is not SwissRollSpec roll)
        {
            throw new ArgumentException("This model draws images; give a data set.");
        }
        EnsureSteps(generator, protocol);
        var clock = Stopwatch.StartNew();
        var values = Enumerable
            .Range(0, protocol.Repeats)
            .Select(r =>
            {
                var drawn = generator
                    .Points(Seeds(r, protocol.Samples, 0, protocol.Samples), protocol.Steps)
                    .SelectMany(p => new[] { p.X, p.Y })
                    .ToArray();
                return SlicedWasserstein.Distance(SwissRoll.Draw(new HostRandom(seed: 0, stream: 5), protocol.Samples, roll.Noise), drawn);
            })
            .ToList();
        return Report(generator, protocol, [new MetricSummary("sw2", values)], clock) with
        {
            Dataset = "swiss-roll",
            ReferenceImages = protocol.Samples,
        };
    }

    /// <summary>The class of the image of a seed under random labels: from the seed alone, as its noise is.</summary>
    public static int RandomLabel(ulong seed, int classes) => new HostRandom(seed, stream: 7).NextInt(classes);

    // what holds for points; images state more
    private static EvaluationReport Report(
        OneStepGenerator generator,
        EvaluationProtocol protocol,
        IReadOnlyList<MetricSummary> metrics,
        Stopwatch clock
    ) =>
        new()
        {
            Protocol = protocol.Name,
            Iteration = generator.Iteration,
            ImagesSeen = generator.Progress.ImagesSeen,
            TrainingSeconds = generator.Progress.Seconds,
            Samples = protocol.Samples,
            Repeats = protocol.Repeats,
            FirstSeed = 0,
            Labels = "none",
            Steps = GenerationSteps.Taken(generator.Spec.Method, protocol.Steps),
            Weights = generator.Spec.Optimisation.EmaDecay > 0 ? "ema" : "raw",
            Rounding = "none",
            Dataset = "",
            ReferenceImages = 0,
            ReferenceHash = "",
            Network = "",
            NetworkHash = "",
            Resize = "none",
            Metrics = metrics,
            Seconds = clock.Elapsed.TotalSeconds,
        };

    // before the data are measured for nothing
    private static void EnsureSteps(OneStepGenerator generator, EvaluationProtocol protocol)
    {
        if (GenerationSteps.Problem(generator.StepChoices, protocol.Steps) is { } problem)
        {
            throw new ArgumentException(problem);
        }
    }

    private static ulong[] Seeds(int repeat, int samples, int from, int count) =>
        [.. Enumerable.Range(0, count).Select(k => ((ulong)repeat * (ulong)samples) + (ulong)(from + k))];

    private FeatureSet RealFeatures(EvaluationProtocol protocol, CancellationToken ct) =>
        DatasetStatistics.Features(
            images,
            network,
            DatasetStatistics.Spread(images.Count, Math.Min(protocol.Samples, EvaluationProtocol.FeaturesKept)),
            Progress,
            ct
        );

    // What too few images leave undefined is left out, in words.
    private IEnumerable<(string Name, double Value)> FeatureMetrics(FeatureSet generated, FeatureSet real)
    {
        var fewest = Math.Min(generated.Count, real.Count);
        if (fewest < 2)
        {
            _warnings.Add(
                $"Left out: KID, which needs two images of each side; there are {generated.Count} generated and {real.Count} real."
            );
        }
        else
        {
            yield return (
                "kid",
                new KernelDistance()
                    .Subsets(generated, real, KernelDistance.DefaultSubsets, Math.Min(KernelDistance.DefaultSubsetSize, fewest))
                    .Mean
            );
        }
        if (fewest <= PrecisionRecall.DefaultNeighbours)
        {
            _warnings.Add(
                $"Left out: precision and recall, which look at the {PrecisionRecall.DefaultNeighbours} nearest other images of each "
                    + $"side; there are {generated.Count} generated and {real.Count} real."
            );
            yield break;
        }

        var found = PrecisionRecall.Of(generated, real);
        yield return ("precision", found.Precision);
        yield return ("recall", found.Recall);
    }

    private (List<(string Name, double Value)> Metrics, List<ClassDistance>? Classes) Repeat(
        EvaluationProtocol protocol,
        int repeat,
        FeatureSet? real,
        IReadOnlyList<ReferenceStatistics?>? classes,
        CancellationToken ct
    )
    {
        var moments = new RunningMoments(network.Dimension);
        var byClass =
            classes is null || generator.ClassCount == 0
                ? null
                : Enumerable.Range(0, generator.ClassCount).Select(_ => new RunningMoments(network.Dimension)).ToArray();
        var kept = new float[Math.Min(protocol.Samples, EvaluationProtocol.FeaturesKept) * network.Dimension];
        var (filled, scores) = (0, new SplitScores(protocol.Samples, network.Classes));
        var what = protocol.Repeats == 1 ? "generated images" : $"generated images, repeat {repeat + 1} of {protocol.Repeats}";
        for (var from = 0; from < protocol.Samples; from += Batch)
        {
            ct.ThrowIfCancellationRequested();
            var count = Math.Min(Batch, protocol.Samples - from);
            var seeds = Seeds(repeat, protocol.Samples, from, count);
            var labels = Labels(protocol.Labels, seeds, from);
            using var scope = torch.NewDisposeScope();
            var drawn = generator.Generate(seeds, labels, protocol.Steps);
            var pixels = Tensors.Of(drawn.Pixels, [count, drawn.Height, drawn.Width, drawn.Channels]).permute(0, 3, 1, 2).contiguous();
            var (features, logits) = network.Measure(pixels, wantLogits: true);
            moments.Add(features);
            scores.Add(logits!);
            if (byClass is not null)
            {
                DatasetStatistics.AddByClass(byClass, features, labels!);
            }
            var taken = Math.Min(features.Length, kept.Length - filled);
            features.AsSpan(0, taken).CopyTo(kept.AsSpan(filled));
            filled += taken;
            Progress?.Invoke(new(what, from + count, protocol.Samples));
        }

        Progress?.Invoke(new("distances", 0, 1));
        var generated = new FeatureSet(kept, network.Dimension);
        var fid = FrechetDistance.Between(moments.Mean(), moments.Covariance(), reference.Mean, reference.Covariance).Value;
        List<(string, double)> metrics = [("fid", fid)];
        if (real is not null)
        {
            metrics.AddRange(FeatureMetrics(generated, real));
        }
        metrics.Add(("inception-score", scores.Mean));
        return (metrics, byClass is null ? null : ClassDistances(byClass, classes!));
    }

    private int[]? Labels(LabelDistribution distribution, ulong[] seeds, int from) =>
        generator.ClassCount == 0
            ? null
            : distribution switch
            {
                LabelDistribution.Balanced => [.. seeds.Select((_, k) => Present[(from + k) % Present.Length])],
                LabelDistribution.Random => Array.ConvertAll(seeds, s => Present[RandomLabel(s, Present.Length)]),
            };

    private List<ClassDistance> ClassDistances(RunningMoments[] generated, IReadOnlyList<ReferenceStatistics?> real)
    {
        var distances = new List<ClassDistance>();
        for (var label = 0; label < generated.Length; label++)
        {
            if (
                generated[label].Count < 2
                || _inData[label] is not (>= 0 and var its)
                || its >= real.Count
                || real[its] is not { } reference
            )
            {
                continue;
            }
            var fid = FrechetDistance
                .Between(generated[label].Mean(), generated[label].Covariance(), reference.Mean, reference.Covariance)
                .Value;
            distances.Add(
                new(
                    label,
                    ByName || its >= images.ClassNames.Count ? generator.ClassNames[label] : images.ClassNames[its],
                    generated[label].Count,
                    reference.Origin?.Images ?? 0,
                    fid
                )
            );
        }
        var fewest = distances.Count == 0 ? 0 : distances.Min(d => Math.Min(d.Generated, d.Real));
        if (fewest < EnoughPerDimension * network.Dimension)
        {
            _warnings.Add(
                $"Distances per class are of as few as {fewest} images, fewer than {EnoughPerDimension} for each of the "
                    + $"{network.Dimension} feature dimensions: they are biased upwards and compare only with others of the same number."
            );
        }
        return distances;
    }

    // the Inception score's splits, one in memory at a time
    private sealed class SplitScores(int samples, int classes)
    {
        private readonly int _splits = Math.Min(Splits, samples);
        private readonly List<float> _rows = [];
        private readonly List<double> _scores = [];
        private long _seen;

        public double Mean => _scores.Average();

        public void Add(float[] logits)
        {
            for (var at = 0; at < logits.Length; at += classes)
            {
                _rows.AddRange(logits.AsSpan(at, classes));
                _seen++;
                if (_seen != (_scores.Count + 1L) * samples / _splits)
                {
                    continue;
                }
                _scores.Add(InceptionScore.Of(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_rows), classes, 1).Mean);
                _rows.Clear();
            }
        }
    }
}
