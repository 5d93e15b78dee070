using System.Globalization;

namespace SmtWeb.Smt.Imaging;

/// <summary>
/// Two-dimensional samples (blue) over the data (grey), as in Fig. 5: equal axes centred on the origin, anti-aliased dots
/// whose overlap shows the density. Samples outside the frame are red at its edge, so that none is hidden.
/// </summary>
public sealed class ScatterPlot
{
    private const int Margin = 34;
    private const double DotOpacity = 0.35;
    private static readonly (double R, double G, double B) Paper = (255, 255, 255);
    private static readonly (double R, double G, double B) Ink = (60, 60, 60);
    private static readonly (double R, double G, double B) GridLine = (232, 232, 232);
    private static readonly (double R, double G, double B) DataDot = (150, 150, 150);
    private static readonly (double R, double G, double B) SampleDot = (31, 88, 180);
    private static readonly (double R, double G, double B) Outlier = (205, 40, 40);

    private readonly int side;
    private readonly double limit;
    private readonly double dotRadius;
    private readonly int textScale;
    private readonly double[] canvas;

    private ScatterPlot(int side, double limit, int textScale)
    {
        (this.side, this.limit, this.textScale) = (side, limit, textScale);
        dotRadius = side / 427.0;
        canvas = new double[side * side * 3];
        for (var i = 0; i < side * side; i++) (canvas[3 * i], canvas[(3 * i) + 1], canvas[(3 * i) + 2]) = Paper;
    }

    /// <summary>
    /// Draws points [N,2] row-major; the frame follows the data alone, in steps of a quarter, so that it stays where it is
    /// from one evaluation to the next. <paramref name="textScale"/> enlarges the numbers of the axes, for pictures that will be
    /// shown small.
    /// </summary>
    public static Raster Draw(ReadOnlySpan<float> data, ReadOnlySpan<float> samples, int side = 640, int textScale = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 4 * Margin);
        if (data.Length % 2 != 0 || samples.Length % 2 != 0) throw new ArgumentException($"{data.Length} and {samples.Length} coordinates are not points in the plane.");
        var reach = 0.0;
        foreach (var x in data) if (float.IsFinite(x)) reach = Math.Max(reach, Math.Abs(x));
        var plot = new ScatterPlot(side, Math.Max(1, Math.Ceiling(1.08 * reach * 4)) / 4, textScale);
        plot.Frame();
        plot.Points(data, DataDot);
        plot.Points(samples, SampleDot);
        return new Raster(side, side, 3, Array.ConvertAll(plot.canvas, v => (byte)Math.Clamp(Math.Round(v), 0, 255)));
    }

    private double Scale => (side - (2.0 * Margin)) / (2 * limit);

    private double ToX(double x) => Margin + ((x + limit) * Scale);

    private double ToY(double y) => side - Margin - ((y + limit) * Scale);

    private void Points(ReadOnlySpan<float> points, (double R, double G, double B) colour)
    {
        for (var i = 0; i < points.Length; i += 2)
        {
            double x = points[i], y = points[i + 1];
            if (double.IsNaN(x) || double.IsNaN(y)) continue;
            var inside = Math.Abs(x) <= limit && Math.Abs(y) <= limit;
            Dot(ToX(Math.Clamp(x, -limit, limit)), ToY(Math.Clamp(y, -limit, limit)), inside ? colour : Outlier, inside ? DotOpacity : 0.9);
        }
    }

    private void Dot(double x, double y, (double R, double G, double B) colour, double opacity)
    {
        for (var py = (int)(y - dotRadius - 1); py <= y + dotRadius + 1; py++)
            for (var px = (int)(x - dotRadius - 1); px <= x + dotRadius + 1; px++)
            {
                // Coverage of the pixel by the disc, from the distance of their centres.
                var distance = double.Hypot(px + 0.5 - x, py + 0.5 - y);
                Blend(px, py, colour, opacity * Math.Clamp(dotRadius + 0.5 - distance, 0, 1));
            }
    }

    private void Frame()
    {
        var step = limit > 4 ? Math.Ceiling(limit / 4) : limit > 1.5 ? 1 : 0.5;
        for (var tick = -Math.Floor(limit / step) * step; tick <= limit; tick += step)
        {
            Line((int)ToX(tick), Margin, vertical: true, GridLine);
            Line((int)ToY(tick), Margin, vertical: false, GridLine);
            var text = tick.ToString("0.#", CultureInfo.InvariantCulture);
            PixelFont.Write(text, (int)ToX(tick) - (PixelFont.Width(text, textScale) / 2), side - Margin + 8, PutInk, textScale);
            PixelFont.Write(text, Margin - 6 - PixelFont.Width(text, textScale), (int)ToY(tick) - (PixelFont.Height * textScale / 2), PutInk, textScale);
        }

        foreach (var edge in new[] { Margin, side - Margin })
        {
            Line(edge, Margin, vertical: true, Ink);
            Line(edge, Margin, vertical: false, Ink);
        }
    }

    private void PutInk(int x, int y) => Blend(x, y, Ink, 1);

    private void Line(int at, int from, bool vertical, (double R, double G, double B) colour)
    {
        for (var i = from; i <= side - Margin; i++) Blend(vertical ? at : i, vertical ? i : at, colour, 1);
    }

    private void Blend(int x, int y, (double R, double G, double B) colour, double opacity)
    {
        if (x < 0 || y < 0 || x >= side || y >= side || opacity <= 0) return;
        var at = ((y * side) + x) * 3;
        canvas[at] += (colour.R - canvas[at]) * opacity;
        canvas[at + 1] += (colour.G - canvas[at + 1]) * opacity;
        canvas[at + 2] += (colour.B - canvas[at + 2]) * opacity;
    }
}
