namespace SmtWeb.Smt.Imaging;

/// <summary>A part of a figure: a picture under its title and a line about it.</summary>
public sealed record FigurePanel(string Title, string Note, Raster Picture);

/// <summary>Pictures of one size side by side, each under its title: a figure of several panels.</summary>
public static class FigureSheet
{
    private const int TitleScale = 3, NoteScale = 2;
    private const int HeadHeight = 62;
    private const byte Paper = 255, Ink = 40, PaleInk = 110;

    /// <summary>
    /// Lays out RGB panels in rows of <paramref name="columns"/>. Texts are drawn in capitals; characters without a glyph
    /// become blanks.
    /// </summary>
    /// <exception cref="ArgumentException">There are no panels, or they differ in size.</exception>
    public static Raster Compose(IReadOnlyList<FigurePanel> panels, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        if (panels.Count == 0) throw new ArgumentException("A figure needs a panel.", nameof(panels));
        var (width, height) = (panels[0].Picture.Width, panels[0].Picture.Height);
        if (panels.Any(p => (p.Picture.Width, p.Picture.Height, p.Picture.Channels) != (width, height, 3)))
            throw new ArgumentException($"The panels of a figure are RGB and of one size; the first has {width}x{height}.", nameof(panels));
        columns = Math.Min(columns, panels.Count);
        var rows = (panels.Count + columns - 1) / columns;
        var sheet = new Raster(width * columns, (height + HeadHeight) * rows, 3, new byte[width * columns * (height + HeadHeight) * rows * 3]);
        Array.Fill(sheet.Pixels, Paper);
        for (var k = 0; k < panels.Count; k++)
        {
            var (left, top) = (k % columns * width, k / columns * (height + HeadHeight));
            Centre(sheet, panels[k].Title, TitleScale, Ink, left, top + 10, width);
            Centre(sheet, panels[k].Note, NoteScale, PaleInk, left, top + 42, width);
            for (var y = 0; y < height; y++)
                panels[k].Picture.Pixels.AsSpan(y * width * 3, width * 3).CopyTo(sheet.Pixels.AsSpan((((top + HeadHeight + y) * sheet.Width) + left) * 3));
        }
        return sheet;
    }

    private static void Centre(Raster sheet, string text, int scale, byte ink, int left, int top, int width)
    {
        text = PixelFont.Writable(text);
        PixelFont.Write(text, left + Math.Max(0, (width - PixelFont.Width(text, scale)) / 2), top, (x, y) =>
        {
            if (x < left + width && y < sheet.Height) sheet.Pixels.AsSpan(((y * sheet.Width) + x) * 3, 3).Fill(ink);
        }, scale);
    }
}
