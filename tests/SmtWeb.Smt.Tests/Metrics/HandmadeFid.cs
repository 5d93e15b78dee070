using SmtWeb.Measures;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Metrics;

/// <summary>
/// The Fréchet distance of two small sets by another way than ours: with centred rows A [n,d] and B [m,d],
/// tr (Σ₁Σ₂)^½ is the nuclear norm of A Bᵀ over √((n - 1)(m - 1)), so that no d×d matrix is made.
/// </summary>
internal static class HandmadeFid
{
    internal static double Of(FeatureSet first, FeatureSet second)
    {
        var ((a, μ1), (b, μ2)) = (Centred(first), Centred(second));
        var (n, m) = (a.Length, b.Length);
        var gram = new double[n * n]; // A Bᵀ B Aᵀ
        var cross = a.Select(x => b.Select(y => Dot(x, y)).ToArray()).ToArray();
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++)
            {
                gram[(i * n) + j] = Dot(cross[i], cross[j]);
            }
        }
        using var scope = torch.NewDisposeScope();
        var values = torch.linalg.eigvalsh(Tensors.Of(gram, [n, n])).ToArray<double>();
        var nuclear = values.Where(v => v > values.Max() * 1e-15).Sum(Math.Sqrt);
        return μ1.Zip(μ2, (p, q) => (p - q) * (p - q)).Sum()
            + (a.Sum(x => Dot(x, x)) / (n - 1))
            + (b.Sum(y => Dot(y, y)) / (m - 1))
            - (2 * nuclear / Math.Sqrt((n - 1.0) * (m - 1.0)));
    }

    private static (double[][] Rows, double[] Mean) Centred(FeatureSet set)
    {
        var rows = Enumerable
            .Range(0, set.Count)
            .Select(i => set.Values.AsSpan(i * set.Dimension, set.Dimension).ToArray().Select(v => (double)v).ToArray())
            .ToArray();
        var mean = Enumerable.Range(0, set.Dimension).Select(k => rows.Average(r => r[k])).ToArray();
        return ([.. rows.Select(r => r.Zip(mean, (v, μ) => v - μ).ToArray())], mean);
    }

    private static double Dot(double[] x, double[] y)
    {
        var sum = 0.0;
        for (var k = 0; k < x.Length; k++)
        {
            sum += x[k] * y[k];
        }
        return sum;
    }
}
