namespace SmtWeb.Smt.Sampling;

/// <summary>The grid of noise levels of Karras et al. 2022, Eq. (5), from which SMT draws uniformly.</summary>
public static class KarrasGrid
{
    /// <summary>Number of levels in the released code.</summary>
    public const int Levels = 1000;

    /// <summary>The 1000 levels from 0.002 to 80 with ρ = 7, ascending.</summary>
    public static IReadOnlyList<float> Sigmas { get; } = Create(Levels, 0.002, 80, 7);

    /// <summary>
    /// <paramref name="n"/> levels, ascending, in float32 like the reference (its last value is 79.99998, not 80).
    /// </summary>
    public static float[] Create(int n, double minimum, double maximum, double ρ)
    {
        var (low, high) = (Math.Pow(minimum, 1 / ρ), Math.Pow(maximum, 1 / ρ));
        var grid = new float[n];
        for (var i = 0; i < n; i++)
        {
            var ramp = (float)(i / (double)(n - 1));
            grid[n - 1 - i] = MathF.Pow((float)high + ramp * (float)(low - high), (float)ρ);
        }
        return grid;
    }
}
