namespace SmtWeb.Measures;

/// <summary>
/// Sliced Wasserstein-2 distance of point sets in the plane (Rabin et al. 2011): the root of the mean, over directions, of
/// the squared Wasserstein-2 distance of the projections, which on a line is that of the sorted values.
/// </summary>
public static class SlicedWasserstein
{
    /// <summary>Directions; in the plane, evenly spaced angles integrate far better than random ones, and need no seed.</summary>
    public const int Directions = 256;

    /// <summary>Distance between two sets of equally many points, each [N,2] row-major.</summary>
    /// <exception cref="ArgumentException">The counts differ, or there are no points.</exception>
    /// <exception cref="InvalidDataException">A coordinate is NaN or infinite.</exception>
    public static double Distance(ReadOnlySpan<float> first, ReadOnlySpan<float> second)
    {
        if (first.Length != second.Length || first.Length == 0 || first.Length % 2 != 0)
        {
            throw new ArgumentException(
                $"Expected two sets of equally many points in the plane; got {first.Length} and {second.Length} coordinates."
            );
        }
        Check(first);
        Check(second);

        var count = first.Length / 2;
        var a = new double[count];
        var b = new double[count];
        var total = 0.0;
        for (var k = 0; k < Directions; k++)
        {
            var (sin, cos) = Math.SinCos(Math.PI * (k + 0.5) / Directions);
            Project(first, cos, sin, a);
            Project(second, cos, sin, b);
            for (var i = 0; i < count; i++)
            {
                total += (a[i] - b[i]) * (a[i] - b[i]);
            }
        }

        return Math.Sqrt(total / count / Directions);
    }

    private static void Project(ReadOnlySpan<float> points, double cos, double sin, double[] projected)
    {
        for (var i = 0; i < projected.Length; i++)
        {
            projected[i] = (points[2 * i] * cos) + (points[(2 * i) + 1] * sin);
        }
        Array.Sort(projected);
    }

    private static void Check(ReadOnlySpan<float> points)
    {
        for (var i = 0; i < points.Length; i++)
        {
            if (!float.IsFinite(points[i]))
            {
                throw new InvalidDataException($"Point {i / 2} has the coordinate {points[i]}; the distance is undefined.");
            }
        }
    }
}
