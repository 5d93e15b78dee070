using System.Globalization;
using ScottPlot;

namespace SmtWeb.Data.Images.Figures;

/// <summary>
/// Two-dimensional samples (blue) over the data (grey), as in Fig. 5: equal axes centred on the origin, translucent dots whose
/// overlap shows the density. Samples outside the frame are red at its edge, so that none is hidden.
/// </summary>
public static class PointFigure
{
    private const int SmallestSide = 128;
    private const float DotsPerSide = 213; // dots side by side across a picture
    private static readonly Color DataDot = Color.FromHex("#9AA2AB").WithAlpha(.35);
    private static readonly Color SampleDot = Color.FromHex("#1F58B4").WithAlpha(.35);
    private static readonly Color Outlier = Color.FromHex("#CF222E").WithAlpha(.9);

    /// <summary>
    /// Draws points [N,2] row-major; the frame follows the data alone, in steps of a quarter, so that it stays where it is
    /// from one evaluation to the next.
    /// </summary>
    /// <exception cref="ArgumentException">The coordinates are no pairs.</exception>
    public static Raster Draw(float[] data, float[] samples, int side = 640)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(side, SmallestSide);
        using var plot = Plot(new PointPanel("", "", data, samples), side, textSize: 13);
        plot.Layout.Fixed(new PixelPadding(40, 14, 32, 14));
        return FigureStyle.Render(side, side, canvas => plot.Render(canvas, 0, 0, side, side));
    }

    /// <summary>Panels of <paramref name="side"/> pixels in rows of <paramref name="columns"/>.</summary>
    /// <exception cref="ArgumentException">There are no panels, or the coordinates of one are no pairs.</exception>
    public static Raster Compare(IReadOnlyList<PointPanel> panels, int columns, int side)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(side, SmallestSide);
        if (panels.Count == 0)
        {
            throw new ArgumentException("A figure needs a panel.", nameof(panels));
        }
        const int head = 48,
            foot = 64,
            left = 48,
            right = 16;
        columns = Math.Min(columns, panels.Count);
        var rows = (panels.Count + columns - 1) / columns;
        var height = side - left - right + head + foot; // the frame of the points is a square
        return FigureStyle.Render(
            columns * side,
            rows * height,
            canvas =>
            {
                foreach (var (k, panel) in panels.Index())
                {
                    using var plot = Plot(panel, side, textSize: 15);
                    plot.Layout.Fixed(new PixelPadding(left, right, foot, head));
                    plot.Render(canvas, k % columns * side, k / columns * height, side, height);
                }
            }
        );
    }

    private static Plot Plot(PointPanel panel, int side, float textSize)
    {
        if (panel.Data.Length % 2 != 0 || panel.Samples.Length % 2 != 0)
        {
            throw new ArgumentException($"{panel.Data.Length} and {panel.Samples.Length} coordinates are not points in the plane.");
        }
        var limit = Limit(panel.Data);
        var plot = FigureStyle.NewPlot(textSize);
        plot.Axes.SetLimits(-limit, limit, -limit, limit);
        var ticks = Ticks(limit);
        string[] labels = [.. ticks.Select(t => t.ToString("0.#", CultureInfo.InvariantCulture).Replace('-', '−'))];
        plot.Axes.Bottom.SetTicks(ticks, labels);
        plot.Axes.Left.SetTicks(ticks, labels);
        var dot = side / DotsPerSide;
        Add(plot, panel.Data, limit, DataDot, dot);
        Add(plot, panel.Samples, limit, SampleDot, dot);
        if (panel.Title.Length > 0)
        {
            plot.Title(panel.Title, textSize * 1.3f);
            plot.Axes.Title.Label.ForeColor = FigureStyle.Ink;
            plot.Axes.Title.Label.Bold = false;
        }

        if (panel.Note.Length > 0)
        {
            plot.XLabel(panel.Note, textSize);
        }
        return plot;
    }

    private static double Limit(float[] data)
    {
        var reach = 0.0;
        foreach (var x in data)
        {
            if (float.IsFinite(x))
            {
                reach = Math.Max(reach, Math.Abs(x));
            }
        }
        return Math.Max(1, Math.Ceiling(1.08 * reach * 4)) / 4;
    }

    private static double[] Ticks(double limit)
    {
        var step =
            limit > 4 ? Math.Ceiling(limit / 4)
            : limit > 1.5 ? 1
            : 0.5;
        var each = (int)Math.Floor(limit / step);
        return [.. Enumerable.Range(-each, (2 * each) + 1).Select(k => k * step)];
    }

    private static void Add(Plot plot, float[] points, double limit, Color colour, float dot)
    {
        var edge = limit * 0.985; // as far out as a dot is whole
        var (inside, outside) = (new List<Coordinates>(points.Length / 2), new List<Coordinates>());
        for (var i = 0; i < points.Length; i += 2)
        {
            double x = points[i],
                y = points[i + 1];
            if (double.IsNaN(x) || double.IsNaN(y))
            {
                continue;
            }
            if (Math.Abs(x) <= limit && Math.Abs(y) <= limit)
            {
                inside.Add(new(x, y));
            }
            else
            {
                outside.Add(new(Math.Clamp(x, -edge, edge), Math.Clamp(y, -edge, edge)));
            }
        }

        if (inside.Count > 0)
        {
            plot.Add.Markers(inside, MarkerShape.FilledCircle, dot, colour);
        }
        if (outside.Count > 0)
        {
            plot.Add.Markers(outside, MarkerShape.FilledCircle, 2 * dot, Outlier);
        }
    }
}
