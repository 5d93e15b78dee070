namespace SmtWeb.Measures;

/// <summary>
/// Share of points off the Swiss roll: further from its noiseless curve than <see cref="Deviations"/> standard deviations of
/// its noise. Of the data themselves about one in 10,000 is.
/// </summary>
public static class RollShare
{
    /// <summary>Standard deviations that still count as on the roll.</summary>
    public const double Deviations = 4;

    private const double Scale = 1 / 7.5;
    private const int Pieces = 2000;
    private static readonly (double X, double Y)[] Curve = [.. Enumerable.Range(0, Pieces + 1).Select(CurveAt)];

    /// <summary>The share, 0 to 1, for points [N,2] row-major; points that are not finite are off the roll.</summary>
    /// <param name="points">The points, scaled as the data are.</param>
    /// <param name="noise">Standard deviation of the data's noise, before scaling.</param>
    /// <exception cref="ArgumentException">There are no points.</exception>
    public static double Off(ReadOnlySpan<float> points, double noise)
    {
        if (points.Length == 0 || points.Length % 2 != 0)
        {
            throw new ArgumentException($"{points.Length} coordinates are no points in the plane.", nameof(points));
        }
        var limit = Deviations * noise * Scale;
        var off = 0;
        for (var i = 0; i < points.Length; i += 2)
        {
            if (!(Distance(points[i], points[i + 1]) <= limit))
            {
                off++;
            }
        }
        return off / (points.Length / 2.0);
    }

    /// <summary>Distance of a point from the curve t (cos t, sin t)/7.5, t from 1.5π to 4.5π.</summary>
    public static double Distance(double x, double y)
    {
        if (!double.IsFinite(x) || !double.IsFinite(y))
        {
            return double.PositiveInfinity;
        }
        var best = double.PositiveInfinity;
        for (var k = 0; k < Pieces; k++)
        {
            best = Math.Min(best, ToPiece(x, y, Curve[k], Curve[k + 1]));
        }
        return Math.Sqrt(best);
    }

    private static (double X, double Y) CurveAt(int k)
    {
        var t = 1.5 * Math.PI * (1 + (2.0 * k / Pieces));
        var (sin, cos) = Math.SinCos(t);
        return (t * cos * Scale, t * sin * Scale);
    }

    // squared distance of a point from a straight piece
    private static double ToPiece(double x, double y, (double X, double Y) a, (double X, double Y) b)
    {
        var (dx, dy) = (b.X - a.X, b.Y - a.Y);
        var along = Math.Clamp((((x - a.X) * dx) + ((y - a.Y) * dy)) / ((dx * dx) + (dy * dy)), 0, 1);
        var (ex, ey) = (x - a.X - (along * dx), y - a.Y - (along * dy));
        return (ex * ex) + (ey * ey);
    }
}
