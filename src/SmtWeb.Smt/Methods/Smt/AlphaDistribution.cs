using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Methods.Smt;

/// <summary>A distribution of α on finitely many points of [0,1] (Sec. 3.5 and the released scripts).</summary>
public sealed class AlphaDistribution
{
    private const int PaperPoints = 1000,
        ReleasedPoints = 1001;
    private readonly double[] _cumulative;

    private AlphaDistribution(float[] support, double[] probability)
    {
        (Support, Probability) = (support, probability);
        _cumulative = new double[probability.Length];
        double sum = 0;
        for (var k = 0; k < _cumulative.Length; k++)
        {
            _cumulative[k] = sum += probability[k];
        }
    }

    /// <summary>The possible values, ascending.</summary>
    public IReadOnlyList<float> Support { get; }

    /// <summary>The probability of each.</summary>
    public IReadOnlyList<double> Probability { get; }

    /// <summary>The distribution of a setting.</summary>
    public static AlphaDistribution Of(AlphaSampler sampler) =>
        sampler switch
        {
            AlphaSampler.UniformQuarterZero => WithMasses(Uniform(PaperPoints), [(0, 0.25)]),
            AlphaSampler.UniformNoZero => UniformNoZero(ReleasedPoints),
            AlphaSampler.ReleasedScore => WithThirds(Uniform(ReleasedPoints), 0.5),
            AlphaSampler.ReleasedDistillationScore => WithMasses(Uniform(ReleasedPoints), [(0, 0.25)]),
            AlphaSampler.UpperHalf => UpperHalf(ReleasedPoints),
            AlphaSampler.ZeroOne => new([0, 1], [0.5, 0.5]),
            AlphaSampler.One => new([1], [1]),
        };

    /// <summary>Uniform over <paramref name="points"/> equally spaced points of [0,1], both ends included.</summary>
    public static AlphaDistribution Uniform(int points) => Equal(0, points - 1, points - 1);

    /// <summary>The same without 0, where the generator's gradient is singular.</summary>
    public static AlphaDistribution UniformNoZero(int points) => Equal(1, points - 1, points - 1);

    /// <summary>Uniform over the points of the grid that are at least 1/2 (SMD generator of the released scripts).</summary>
    public static AlphaDistribution UpperHalf(int points) => Equal((points - 1) / 2, points - 1, points - 1);

    /// <summary>With probability <paramref name="mass"/> one of 0, 1/2, 1, else <paramref name="rest"/>.</summary>
    public static AlphaDistribution WithThirds(AlphaDistribution rest, double mass) =>
        WithMasses(rest, [(0, mass / 3), (0.5f, mass / 3), (1, mass / 3)]);

    /// <summary>Extra mass on some points, the rest of the probability as in <paramref name="rest"/>.</summary>
    public static AlphaDistribution WithMasses(AlphaDistribution rest, IReadOnlyList<(float Point, double Mass)> masses)
    {
        var share = 1 - masses.Sum(m => m.Mass);
        var all = new SortedDictionary<float, double>();
        for (var k = 0; k < rest.Support.Count; k++)
        {
            all[rest.Support[k]] = share * rest.Probability[k];
        }
        foreach (var (point, mass) in masses)
        {
            all[point] = all.GetValueOrDefault(point) + mass;
        }
        return new([.. all.Keys], [.. all.Values]);
    }

    /// <summary>The value at cumulative probability <paramref name="u"/> in [0,1).</summary>
    public float At(double u)
    {
        var k = _cumulative.AsSpan().BinarySearch(u);
        // on a boundary the next point begins; beyond the last one (rounding) stay on it
        return Support[Math.Min(k >= 0 ? k + 1 : ~k, _cumulative.Length - 1)];
    }

    private static AlphaDistribution Equal(int from, int to, int denominator)
    {
        var n = to - from + 1;
        return new([.. Enumerable.Range(from, n).Select(k => k / (float)denominator)], [.. Enumerable.Repeat(1.0 / n, n)]);
    }
}
