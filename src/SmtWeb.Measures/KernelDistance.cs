using SmtWeb.Data.Batches;
using SmtWeb.Torch;

namespace SmtWeb.Measures;

/// <summary>
/// Kernel (Inception) distance, Bińkowski et al. 2018: the unbiased squared maximum mean discrepancy under the polynomial
/// kernel k(x,y) = (γ xᵀy + c)^p, in float64. It can be negative. <paramref name="Gamma"/> 0 means 1/dimension.
/// </summary>
public sealed record KernelDistance(int Degree = 3, double Coefficient = 1, double Gamma = 0)
{
    private const int Block = 1024;

    /// <summary>
    /// Subsets that <see cref="Subsets(FeatureSet, FeatureSet, int, int, ulong)"/> draws by default (torch-fidelity's number).
    /// </summary>
    public const int DefaultSubsets = 100;

    /// <summary>Vectors in each of them.</summary>
    public const int DefaultSubsetSize = 1000;

    /// <summary>
    /// Σ_{i≠j} k(xᵢ,xⱼ)/(m(m-1)) + Σ_{i≠j} k(yᵢ,yⱼ)/(n(n-1)) - 2 Σ k(xᵢ,yⱼ)/(mn), over all of both sets.
    /// </summary>
    /// <exception cref="ArgumentException">A set has fewer than two vectors, or the dimensions differ.</exception>
    public double Full(FeatureSet x, FeatureSet y)
    {
        x.Check(nameof(x));
        y.Check(nameof(y));
        if (x.Dimension != y.Dimension)
        {
            throw new ArgumentException($"Features of {x.Dimension} and {y.Dimension} dimensions cannot be compared.");
        }
        if (x.Count < 2 || y.Count < 2)
        {
            throw new ArgumentException($"The unbiased estimate needs two samples of each set; there are {x.Count} and {y.Count}.");
        }
        TorchRuntime.Initialize();
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        Tensor X = ToTensor(x),
            Y = ToTensor(y);
        double m = x.Count,
            n = y.Count;
        var xx = (KernelSum(X, X) - DiagonalSum(X)) / (m * (m - 1));
        var yy = (KernelSum(Y, Y) - DiagonalSum(Y)) / (n * (n - 1));
        return xx + yy - (2 * KernelSum(X, Y) / (m * n));
    }

    /// <summary>The distances of subsets that are drawn without replacement within each, from <paramref name="seed"/>.</summary>
    /// <exception cref="ArgumentException">A set is smaller than a subset.</exception>
    public KernelDistanceSubsets Subsets(
        FeatureSet x,
        FeatureSet y,
        int subsets = DefaultSubsets,
        int size = DefaultSubsetSize,
        ulong seed = 0
    )
    {
        if (size > x.Count || size > y.Count)
        {
            throw new ArgumentException(
                $"Subsets of {size} cannot be drawn from {x.Count} and {y.Count} samples; ask for smaller ones.",
                nameof(size)
            );
        }
        var random = new HostRandom(seed, stream: 6);
        return Subsets(
            x,
            y,
            [.. Enumerable.Range(0, subsets).Select(_ => (IReadOnlyList<int>)Draw(random, x.Count, size))],
            [.. Enumerable.Range(0, subsets).Select(_ => (IReadOnlyList<int>)Draw(random, y.Count, size))]
        );
    }

    /// <summary>The distances of given subsets: rows <paramref name="rowsX"/>[k] of x against <paramref name="rowsY"/>[k] of y.</summary>
    public KernelDistanceSubsets Subsets(
        FeatureSet x,
        FeatureSet y,
        IReadOnlyList<IReadOnlyList<int>> rowsX,
        IReadOnlyList<IReadOnlyList<int>> rowsY
    )
    {
        if (rowsX.Count != rowsY.Count || rowsX.Count == 0)
        {
            throw new ArgumentException($"{rowsX.Count} subsets against {rowsY.Count}; give as many of each, one at least.", nameof(rowsY));
        }
        return new KernelDistanceSubsets([.. rowsX.Zip(rowsY, (i, j) => Full(x.Select(i), y.Select(j)))]);
    }

    private static int[] Draw(HostRandom random, int count, int size)
    {
        // the first steps of a Fisher-Yates shuffle
        var rows = Enumerable.Range(0, count).ToArray();
        for (var k = 0; k < size; k++)
        {
            var other = k + random.NextInt(count - k);
            (rows[k], rows[other]) = (rows[other], rows[k]);
        }
        return rows[..size];
    }

    private static Tensor ToTensor(FeatureSet features) =>
        Tensors.Of(features.Values, [features.Count, features.Dimension]).to(ScalarType.Float64);

    // k over blocks of rows: 50,000² doubles would be 20 GB
    private double KernelSum(Tensor x, Tensor y)
    {
        var total = 0.0;
        var transposed = y.transpose(0, 1);
        for (long from = 0; from < x.size(0); from += Block)
        {
            using var scope = torch.NewDisposeScope();
            total += Kernel(x.narrow(0, from, Math.Min(Block, x.size(0) - from)).matmul(transposed), x.size(1)).sum().ToDouble();
        }
        return total;
    }

    private double DiagonalSum(Tensor x) => Kernel((x * x).sum([1]), x.size(1)).sum().ToDouble();

    private Tensor Kernel(Tensor products, long dimension) =>
        products.Times(Gamma == 0 ? 1.0 / dimension : Gamma).Plus(Coefficient).Power(Degree);
}

/// <summary>Kernel distances of subsets.</summary>
public sealed record KernelDistanceSubsets(IReadOnlyList<double> Values)
{
    /// <summary>Their mean, the KID that papers state.</summary>
    public double Mean => Values.Average();

    /// <summary>Their standard deviation (divisor: the number of subsets).</summary>
    public double StandardDeviation => Math.Sqrt(Values.Average(v => (v - Mean) * (v - Mean)));
}
