namespace SmtWeb.Data.Images;

/// <summary>Images side by side: integer cells, no resampling but whole pixels repeated, so that nothing is blurred.</summary>
public static class ImageGrid
{
    private const byte Background = 255;

    /// <summary>
    /// Lays out <paramref name="images"/> ([N,H,W,C] bytes) in rows of <paramref name="columns"/>: image i goes to row
    /// i / columns. Each pixel becomes <paramref name="scale"/> x <paramref name="scale"/>; <paramref name="gap"/> white
    /// pixels separate cells (none by default, so that a cell's place is a multiple of its size). Missing cells are white.
    /// </summary>
    /// <exception cref="ArgumentException">The bytes are no whole number of images.</exception>
    public static Raster Compose(ReadOnlySpan<byte> images, int height, int width, int channels, int columns, int scale = 1, int gap = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(scale, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(gap);
        var size = height * width * channels;
        if (size <= 0 || images.Length == 0 || images.Length % size != 0)
        {
            throw new ArgumentException(
                $"{images.Length} bytes are no whole number of images of {height}x{width}x{channels}.",
                nameof(images)
            );
        }

        var count = images.Length / size;
        var rows = (count + columns - 1) / columns;
        var gridWidth = (columns * ((width * scale) + gap)) - gap;
        var gridHeight = (rows * ((height * scale) + gap)) - gap;
        var pixels = new byte[gridWidth * gridHeight * channels];
        Array.Fill(pixels, Background);

        for (var i = 0; i < count; i++)
        {
            var left = i % columns * ((width * scale) + gap);
            var top = i / columns * ((height * scale) + gap);
            var image = images.Slice(i * size, size);
            for (var y = 0; y < height * scale; y++)
            {
                var target = pixels.AsSpan((((top + y) * gridWidth) + left) * channels, width * scale * channels);
                var source = image.Slice(y / scale * width * channels, width * channels);
                for (var x = 0; x < width * scale; x++)
                {
                    source.Slice(x / scale * channels, channels).CopyTo(target[(x * channels)..]);
                }
            }
        }

        return new Raster(gridWidth, gridHeight, channels, pixels);
    }
}
