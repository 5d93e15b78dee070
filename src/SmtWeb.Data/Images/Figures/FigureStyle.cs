using ScottPlot;
using SkiaSharp;

namespace SmtWeb.Data.Images.Figures;

/// <summary>
/// What all figures have in common: the font in the house (a server has none of its own), ink, and how a drawing becomes a picture.
/// </summary>
internal static class FigureStyle
{
    internal const string Font = "Inter";

    internal static readonly Color Ink = Color.FromHex("#1F2328");
    internal static readonly Color PaleInk = Color.FromHex("#59636E");
    internal static readonly Color GridLine = Color.FromHex("#ECEEF1");
    internal static readonly Color Frame = Color.FromHex("#8C959F");

    static FigureStyle() =>
        Fonts.AddFontFile(Font, Path.Combine(AppContext.BaseDirectory, "assets", "fonts", "Inter-Regular.ttf"), bold: false, italic: false);

    /// <summary>An empty plot with axes, a fine grid and no legend.</summary>
    internal static Plot NewPlot(float textSize)
    {
        var plot = new Plot();
        plot.Font.Set(Font);
        plot.FigureBackground.Color = Colors.White;
        plot.Grid.MajorLineColor = GridLine;
        plot.Grid.MajorLineWidth = 1;
        plot.Axes.FrameColor(Frame);
        foreach (var axis in new IAxis[] { plot.Axes.Bottom, plot.Axes.Left })
        {
            axis.TickLabelStyle.FontSize = textSize;
            axis.TickLabelStyle.ForeColor = PaleInk;
            axis.Label.FontSize = textSize;
            axis.Label.ForeColor = PaleInk;
            axis.Label.Bold = false;
            axis.MajorTickStyle.Length = 3;
            axis.MajorTickStyle.Color = Frame;
            axis.MinorTickStyle.Length = 0;
        }

        return plot;
    }

    /// <summary>Draws a plot in its place; what is around it stays.</summary>
    internal static void Render(this Plot plot, SKCanvas canvas, int left, int top, int width, int height)
    {
        canvas.Save();
        canvas.ClipRect(SKRect.Create(left, top, width, height)); // a plot begins by wiping everything it may
        plot.Render(canvas, new PixelRect(left, left + width, top + height, top));
        canvas.Restore();
    }

    /// <summary>Draws on white and takes the picture as RGB.</summary>
    internal static unsafe Raster Render(int width, int height, Action<SKCanvas> draw)
    {
        var info = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Premul);
        using var surface =
            SKSurface.Create(info) ?? throw new InvalidOperationException($"A picture of {width}x{height} cannot be drawn.");
        surface.Canvas.Clear(SKColors.White);
        draw(surface.Canvas);
        surface.Canvas.Flush();
        var rgba = new byte[info.BytesSize];
        fixed (byte* target = rgba)
        {
            if (!surface.ReadPixels(info, (nint)target, info.RowBytes, 0, 0))
            {
                throw new InvalidOperationException($"A picture of {width}x{height} cannot be read back.");
            }
        }

        var rgb = new byte[width * height * 3];
        for (int i = 0, o = 0; o < rgb.Length; i += 4, o += 3)
        {
            (rgb[o], rgb[o + 1], rgb[o + 2]) = (rgba[i], rgba[i + 1], rgba[i + 2]);
        }
        return new Raster(width, height, 3, rgb);
    }
}
