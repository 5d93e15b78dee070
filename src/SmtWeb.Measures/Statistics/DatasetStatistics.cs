using SmtWeb.Torch;

namespace SmtWeb.Measures.Statistics;

/// <summary>How far a long measurement is.</summary>
/// <param name="What">What is being done, for people.</param>
/// <param name="Done">Images done.</param>
/// <param name="Total">Images to do.</param>
public readonly record struct MeasureProgress(string What, long Done, long Total);

/// <summary>
/// Reference statistics of a data set, streamed: memory is one batch and one covariance, whatever the number of images.
/// </summary>
public static class DatasetStatistics
{
    /// <summary>Images that go through the network together.</summary>
    public const int Batch = 64;

    /// <summary>Entries of all per-class covariances together that fit into memory (400 MB).</summary>
    public const long MostClassEntries = 50_000_000;

    /// <summary>
    /// The statistics of all images, read from <paramref name="cache"/> where they were computed before: a file named by
    /// the hashes of images and network, so that other images or another network never share it.
    /// </summary>
    public static ReferenceStatistics Of(
        IEvaluationImages images,
        IFeatureNetwork network,
        string? cache,
        Action<MeasureProgress>? progress = null,
        CancellationToken ct = default
    )
    {
        images.ComputeHash(progress, ct);
        var path = CachePath(images, network, cache);
        if (path is not null && File.Exists(path) && FromCache(path) is { } known)
        {
            return known;
        }
        var moments = new RunningMoments(network.Dimension);
        Measure(images, network, All(images.Count), false, (features, _, _) => moments.Add(features), progress, ct);
        if (moments.Count < 2)
        {
            throw new InvalidDataException($"{images.Name} has {moments.Count} image; statistics, and so FID, need two at least.");
        }
        var statistics = new ReferenceStatistics(moments.Mean(), moments.Covariance(), Origin(images, network));
        if (path is not null)
        {
            Directory.CreateDirectory(cache!);
            statistics.WriteNpz(path);
        }
        return statistics;
    }

    /// <summary>The statistics of each class, in the order of the labels; null for a class with fewer than two images.</summary>
    /// <exception cref="ArgumentException">The images have no labels, or there are too many classes for memory.</exception>
    public static IReadOnlyList<ReferenceStatistics?> OfClasses(
        IEvaluationImages images,
        IFeatureNetwork network,
        Action<MeasureProgress>? progress = null,
        CancellationToken ct = default
    )
    {
        if (images.Classes == 0)
        {
            throw new ArgumentException($"{images.Name} has no labels, so there is no distance per class.");
        }
        if ((long)images.Classes * network.Dimension * network.Dimension > MostClassEntries)
        {
            throw new ArgumentException(
                $"{images.Classes} classes of {network.Dimension}x{network.Dimension} covariances do not fit into memory; leave the "
                    + "distances per class out."
            );
        }
        var moments = Enumerable.Range(0, images.Classes).Select(_ => new RunningMoments(network.Dimension)).ToArray();
        Measure(images, network, All(images.Count), false, (features, _, labels) => AddByClass(moments, features, labels), progress, ct);
        return
        [
            .. moments.Select(m =>
                m.Count < 2 ? null : new ReferenceStatistics(m.Mean(), m.Covariance(), Origin(images, network) with { Images = m.Count })
            ),
        ];
    }

    /// <summary>Features of chosen images, in their order.</summary>
    public static FeatureSet Features(
        IEvaluationImages images,
        IFeatureNetwork network,
        IReadOnlyList<int> indices,
        Action<MeasureProgress>? progress = null,
        CancellationToken ct = default
    )
    {
        var values = new float[indices.Count * network.Dimension];
        var at = 0;
        Measure(
            images,
            network,
            indices,
            false,
            (features, _, _) =>
            {
                features.CopyTo(values, at);
                at += features.Length;
            },
            progress,
            ct
        );
        return new FeatureSet(values, network.Dimension);
    }

    /// <summary><paramref name="count"/> images spread evenly over the whole set (sets are often sorted by class).</summary>
    public static IReadOnlyList<int> Spread(int images, int count) =>
        [.. Enumerable.Range(0, Math.Min(count, images)).Select(k => (int)((long)k * images / Math.Min(count, images)))];

    /// <summary>Name in the cache of what was computed from these images with this network.</summary>
    internal static string CacheName(IEvaluationImages images, IFeatureNetwork network) =>
        $"{images.Hash[..16]}-{network.Hash[..16]}-{network.Resize}";

    /// <summary>
    /// Measures the images from <paramref name="first"/> on, in order; <paramref name="take"/> gets the features of a batch.
    /// </summary>
    internal static void Stream(
        IEvaluationImages images,
        IFeatureNetwork network,
        int first,
        Action<float[]> take,
        Action<MeasureProgress>? progress,
        CancellationToken ct
    ) =>
        Measure(
            images,
            network,
            [.. Enumerable.Range(first, images.Count - first)],
            false,
            (features, _, _) => take(features),
            progress is null ? null : p => progress(p with { Done = p.Done + first, Total = images.Count }),
            ct
        );

    /// <summary>Adds vectors to the moments of their classes.</summary>
    internal static void AddByClass(RunningMoments[] moments, float[] features, IReadOnlyList<int> labels)
    {
        var d = moments[0].Dimension;
        foreach (var group in labels.Select((label, row) => (label, row)).GroupBy(p => p.label))
        {
            moments[group.Key].Add(new FeatureSet(features, d).Select([.. group.Select(p => p.row)]).Values);
        }
    }

    private static StatisticsOrigin Origin(IEvaluationImages images, IFeatureNetwork network) =>
        new(images.Name, images.Hash, images.Count, network.Name, network.Hash, network.Resize);

    private static string? CachePath(IEvaluationImages images, IFeatureNetwork network, string? cache) =>
        cache is null ? null : Path.Combine(cache, $"{CacheName(images, network)}.npz");

    // A damaged file is measured anew.
    private static ReferenceStatistics? FromCache(string path)
    {
        try
        {
            return ReferenceStatistics.ReadNpz(path);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private static IReadOnlyList<int> All(int count) => [.. Enumerable.Range(0, count)];

    private static void Measure(
        IEvaluationImages images,
        IFeatureNetwork network,
        IReadOnlyList<int> indices,
        bool wantLogits,
        Action<float[], float[]?, IReadOnlyList<int>> take,
        Action<MeasureProgress>? progress,
        CancellationToken ct
    )
    {
        network.CheckImages(images.Channels, images.Side, images.Side);
        var size = images.Channels * images.Side * images.Side;
        var buffer = new byte[Batch * size];
        var labels = new int[Batch];
        for (var from = 0; from < indices.Count; from += Batch)
        {
            ct.ThrowIfCancellationRequested();
            var count = Math.Min(Batch, indices.Count - from);
            for (var k = 0; k < count; k++)
            {
                labels[k] = images.Read(indices[from + k], buffer.AsSpan(k * size, size));
            }
            using var scope = torch.NewDisposeScope();
            var (features, logits) = network.Measure(
                Tensors.Of((ReadOnlySpan<byte>)buffer.AsSpan(0, count * size), [count, images.Channels, images.Side, images.Side]),
                wantLogits
            );
            take(features, logits, labels[..count]);
            progress?.Invoke(new($"features of {images.Name}", from + count, indices.Count));
        }
    }
}
