using System.Numerics;
using SmtWeb.Smt.Metrics.Statistics;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Metrics;

/// <summary>A training image near a given one: its place in the data set, its class (-1: none), its distance.</summary>
public sealed record Neighbour(int Index, int Label, double Distance);

/// <summary>
/// The training images nearest to an image, by Euclidean distance of features, and the distances from real images to
/// their nearest other real image, which say what "near" means. Brute force: 60,000 vectors of 128 take milliseconds.
/// </summary>
public sealed class NeighbourIndex
{
    /// <summary>Real images whose distance to their nearest other one is measured.</summary>
    public const int RealSample = 1000;

    private const int Block = 100;

    private readonly FeatureSet features;
    private readonly int[] labels;

    private NeighbourIndex(FeatureSet features, int[] labels, double[] realDistances) =>
        (this.features, this.labels, RealDistances) = (features, labels, realDistances);

    /// <summary>Distances from real images to their nearest other one, rising.</summary>
    public IReadOnlyList<double> RealDistances { get; }

    /// <summary>Reads and measures a whole data set; its features stay in memory.</summary>
    public static NeighbourIndex Build(IEvaluationImages images, IFeatureNetwork network, Action<MeasureProgress>? progress = null, CancellationToken ct = default)
    {
        var features = DatasetStatistics.Features(images, network, [.. Enumerable.Range(0, images.Count)], progress, ct);
        var labels = new int[images.Count];
        var pixels = new byte[images.Channels * images.Side * images.Side];
        for (var k = 0; k < labels.Length; k++) labels[k] = images.Read(k, pixels);
        return new NeighbourIndex(features, labels, MeasureReal(features, ct));
    }

    /// <summary>The <paramref name="count"/> nearest training images of a feature vector, nearest first.</summary>
    public IReadOnlyList<Neighbour> Nearest(ReadOnlySpan<float> feature, int count)
    {
        if (feature.Length != features.Dimension) throw new ArgumentException($"A feature vector has {features.Dimension} numbers, not {feature.Length}.", nameof(feature));
        var nearest = new PriorityQueue<int, float>(); // the farthest of those kept comes out first
        for (var k = 0; k < features.Count; k++)
        {
            var distance = SquaredDistance(feature, features.Values.AsSpan(k * features.Dimension, features.Dimension));
            if (nearest.Count < count) nearest.Enqueue(k, -distance);
            else nearest.EnqueueDequeue(k, -distance);
        }
        return [.. nearest.UnorderedItems.OrderByDescending(n => n.Priority).ThenBy(n => n.Element).Select(n => new Neighbour(n.Element, labels[n.Element], Math.Sqrt(-n.Priority)))];
    }

    /// <summary>The distance below which a share of the real images has its nearest other one.</summary>
    public double RealQuantile(double share) => RealDistances[(int)Math.Clamp(share * RealDistances.Count, 0, RealDistances.Count - 1)];

    private static float SquaredDistance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var sum = Vector<float>.Zero;
        var k = 0;
        for (; k <= a.Length - Vector<float>.Count; k += Vector<float>.Count)
        {
            var difference = new Vector<float>(a[k..]) - new Vector<float>(b[k..]);
            sum += difference * difference;
        }
        var total = Vector.Sum(sum);
        for (; k < a.Length; k++) total += (a[k] - b[k]) * (a[k] - b[k]);
        return total;
    }

    private static double[] MeasureReal(FeatureSet features, CancellationToken ct)
    {
        var rows = DatasetStatistics.Spread(features.Count, RealSample);
        var distances = new List<double>();
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var all = torch.tensor(features.Values, [features.Count, features.Dimension]).to(ScalarType.Float64);
        foreach (var block in rows.Chunk(Block))
        {
            ct.ThrowIfCancellationRequested();
            using var inner = torch.NewDisposeScope();
            var some = torch.tensor(features.Select(block).Values, [block.Length, features.Dimension]).to(ScalarType.Float64);
            // the nearest is the image itself, at 0
            distances.AddRange(PrecisionRecall.Distances(some, all).kthvalue(2, 1).ToArray<double>());
        }
        distances.Sort();
        return [.. distances];
    }
}
