using SmtWeb.Torch;

namespace SmtWeb.Measures;

/// <summary>
/// Improved precision and recall (Kynkäänniemi et al. 2019). A set's manifold is the union of balls around its samples
/// that reach to the k-th nearest other sample; precision is the share of generated samples within the real manifold,
/// recall the share of real samples within the generated one.
/// </summary>
public sealed record PrecisionRecall
{
    /// <summary>Neighbours of the paper.</summary>
    public const int DefaultNeighbours = 3;

    // entries of a block of distances: 64 MB
    private const int MostEntries = 8 << 20;

    /// <summary>Share of generated samples inside the real manifold.</summary>
    public double Precision => GeneratedInside.Average(b => (double)b);

    /// <summary>Share of real samples inside the generated manifold.</summary>
    public double Recall => RealCovered.Average(b => (double)b);

    /// <summary>Radius of each real sample.</summary>
    public required double[] RadiusReal { get; init; }

    /// <summary>Radius of each generated sample.</summary>
    public required double[] RadiusGenerated { get; init; }

    /// <summary>1 for each generated sample inside the real manifold.</summary>
    public required byte[] GeneratedInside { get; init; }

    /// <summary>1 for each real sample inside the generated manifold.</summary>
    public required byte[] RealCovered { get; init; }

    /// <summary>Measures two sets. Distances are Euclidean, in float64, in blocks of bounded size.</summary>
    /// <exception cref="ArgumentException">A set has no more than k vectors, or the dimensions differ.</exception>
    public static PrecisionRecall Of(FeatureSet generated, FeatureSet real, int k = DefaultNeighbours)
    {
        generated.Check(nameof(generated));
        real.Check(nameof(real));
        if (generated.Dimension != real.Dimension)
        {
            throw new ArgumentException($"Features of {generated.Dimension} and {real.Dimension} dimensions cannot be compared.");
        }
        if (k < 1 || generated.Count <= k || real.Count <= k)
        {
            throw new ArgumentException(
                $"The {k}-th nearest other sample needs more than {k} samples of each set; there are {generated.Count} and {real.Count}.",
                nameof(k)
            );
        }
        TorchRuntime.Initialize();
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        Tensor G = ToTensor(generated),
            R = ToTensor(real);
        Tensor radiusG = Radii(G, k),
            radiusR = Radii(R, k);
        return new PrecisionRecall
        {
            RadiusReal = radiusR.ToArray<double>(),
            RadiusGenerated = radiusG.ToArray<double>(),
            GeneratedInside = Within(G, R, radiusR),
            RealCovered = Within(R, G, radiusG),
        };
    }

    /// <summary>Euclidean distances [n,m] of rows of a [n,d] and b [m,d].</summary>
    internal static Tensor Distances(Tensor a, Tensor b)
    {
        var squares = (a * a).sum([1], keepdim: true) + (b * b).sum([1]).unsqueeze(0) - a.matmul(b.transpose(0, 1)).Times(2);
        return squares.AtLeast(0).sqrt();
    }

    private static Tensor ToTensor(FeatureSet features) =>
        Tensors.Of(features.Values, [features.Count, features.Dimension]).to(ScalarType.Float64);

    // a row of distances within a set holds the sample itself, at 0: its k-th other is the (k+1)-th smallest
    private static Tensor Radii(Tensor set, int k)
    {
        using var scope = torch.NewDisposeScope();
        var parts = new List<Tensor>();
        foreach (var (from, count) in Blocks(set, set))
        {
            parts.Add(Block(() => Distances(set.narrow(0, from, count), set).kthvalue(k + 1, 1).values));
        }
        return scope.MoveToOuter(torch.cat([.. parts]));
    }

    private static byte[] Within(Tensor points, Tensor centres, Tensor radii)
    {
        var inside = new List<byte>();
        foreach (var (from, count) in Blocks(points, centres))
        {
            using var scope = torch.NewDisposeScope();
            inside.AddRange(
                Distances(points.narrow(0, from, count), centres).le(radii.unsqueeze(0)).any(1).to(ScalarType.Byte).ToArray<byte>()
            );
        }
        return [.. inside];
    }

    private static Tensor Block(Func<Tensor> compute)
    {
        using var scope = torch.NewDisposeScope();
        return scope.MoveToOuter(compute());
    }

    private static IEnumerable<(long From, long Count)> Blocks(Tensor rows, Tensor columns)
    {
        var size = Math.Max(1, MostEntries / columns.size(0));
        for (long from = 0; from < rows.size(0); from += size)
        {
            yield return (from, Math.Min(size, rows.size(0) - from));
        }
    }
}
