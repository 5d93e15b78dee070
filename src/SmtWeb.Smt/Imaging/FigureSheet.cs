namespace SmtWeb.Smt.Imaging;

/// <summary>Pictures of one size side by side, each under its title: a figure of several panels.</summary>
public static class FigureSheet
{
    private const int TitleScale = 2;
    private const int TitleHeight = 34;
    private const byte Paper = 255;
    private const byte Ink = 40;

    /// <summary>
    /// Lays out RGB panels in rows of <paramref name="columns"/>. Titles are drawn in capitals; characters without a glyph
    /// become blanks.
    /// </summary>
    /// <exception cref="ArgumentException">There are no panels, or they differ in size.</exception>
    public static Raster Compose(IReadOnlyList<(string Title, Raster Picture)> panels, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        if (panels.Count == 0) throw new ArgumentException("A figure needs a panel.", nameof(panels));
        var (width, height) = (panels[0].Picture.Width, panels[0].Picture.Height);
        if (panels.Any(p => (p.Picture.Width, p.Picture.Height, p.Picture.Channels) != (width, height, 3)))
            throw new ArgumentException($"The panels of a figure are RGB and of one size; the first has {width}x{height}.", nameof(panels));
        columns = Math.Min(columns, panels.Count);
        var rows = (panels.Count + columns - 1) / columns;
        var sheet = new Raster(width * columns, (height + TitleHeight) * rows, 3, new byte[width * columns * (height + TitleHeight) * rows * 3]);
        Array.Fill(sheet.Pixels, Paper);
        for (var k = 0; k < panels.Count; k++)
        {
            var (left, top) = (k % columns * width, k / columns * (height + TitleHeight));
            Title(sheet, PixelFont.Writable(panels[k].Title), left, top, width);
            for (var y = 0; y < height; y++)
                panels[k].Picture.Pixels.AsSpan(y * width * 3, width * 3).CopyTo(sheet.Pixels.AsSpan((((top + TitleHeight + y) * sheet.Width) + left) * 3));
        }
        return sheet;
    }

    private static void Title(Raster sheet, string text, int left, int top, int width)
    {
        var from = left + Math.Max(0, (width - (PixelFont.Width(text) * TitleScale)) / 2);
        var baseline = top + ((TitleHeight - (PixelFont.Height * TitleScale)) / 2) + 6;
        PixelFont.Write(text, 0, 0, (x, y) =>
        {
            for (var dy = 0; dy < TitleScale; dy++)
                for (var dx = 0; dx < TitleScale; dx++)
                {
                    var (px, py) = (from + (x * TitleScale) + dx, baseline + (y * TitleScale) + dy);
                    if (px < left + width && py < sheet.Height) sheet.Pixels.AsSpan(((py * sheet.Width) + px) * 3, 3).Fill(Ink);
                }
        });
    }
}
