using SmtWeb.Data.Batches;

namespace SmtWeb.Data.Formats;

/// <summary>
/// The two-dimensional Swiss roll of App. E.2, which follows Che et al. 2020 (DDLS), who take scikit-learn's
/// <c>make_swiss_roll(noise=0.25)</c>, keep its x and z and divide by 7.5 ("standard deviation plus a little", from the
/// toy data of Gulrajani et al. 2017): with u uniform in [0,1) and n₁, n₂ standard normal,
/// t = 1.5π(1 + 2u), point = (t cos t + noise·n₁, t sin t + noise·n₂) / 7.5.
/// </summary>
public static class SwissRoll
{
    private const double Scale = 1 / 7.5;

    /// <summary>
    /// Points [N,2] row-major as a function of the draws: <paramref name="uniform"/> [N], <paramref name="normal"/> [N,2].
    /// </summary>
    /// <exception cref="ArgumentException">The lengths do not fit each other.</exception>
    public static void Fill(ReadOnlySpan<double> uniform, ReadOnlySpan<double> normal, double noise, Span<float> points)
    {
        if (normal.Length != 2 * uniform.Length || points.Length != normal.Length)
        {
            throw new ArgumentException(
                $"{uniform.Length} points need {2 * uniform.Length} normal draws and room for as many numbers; got {normal.Length} and "
                    + $"{points.Length}."
            );
        }
        for (var i = 0; i < uniform.Length; i++)
        {
            var t = 1.5 * Math.PI * (1 + (2 * uniform[i]));
            var (sin, cos) = Math.SinCos(t);
            points[2 * i] = (float)(((t * cos) + (noise * normal[2 * i])) * Scale);
            points[(2 * i) + 1] = (float)(((t * sin) + (noise * normal[(2 * i) + 1])) * Scale);
        }
    }

    /// <summary><paramref name="count"/> points [N,2] drawn from <paramref name="random"/>.</summary>
    public static float[] Draw(HostRandom random, int count, double noise)
    {
        var uniform = new double[count];
        var normal = new double[2 * count];
        var points = new float[2 * count];
        for (var i = 0; i < count; i++)
        {
            uniform[i] = random.NextDouble();
            normal[2 * i] = random.NextNormal();
            normal[(2 * i) + 1] = random.NextNormal();
        }

        Fill(uniform, normal, noise, points);
        return points;
    }
}
