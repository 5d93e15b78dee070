namespace SmtWeb.Data.Images;

/// <summary>
/// Bilinear resampling of bytes: pixel centres at half integers, a triangle of radius 1, widened by the factor when
/// shrinking, so that every source pixel counts; weights renormalised at the border; rounded to bytes after each axis.
/// </summary>
public static class Resampling
{
    /// <summary>A picture at other sides.</summary>
    public static Raster Resize(Raster raster, int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        var pixels = raster.Pixels;
        if (width != raster.Width)
        {
            pixels = Along(pixels, raster.Height, raster.Width, raster.Channels, width);
        }
        if (height != raster.Height)
        {
            pixels = Along(pixels, 1, raster.Height, width * raster.Channels, height);
        }
        return new Raster(width, height, raster.Channels, pixels);
    }

    /// <summary>The largest square in the middle, at another side.</summary>
    public static Raster CropAndResize(Raster raster, int side)
    {
        var (w, h) = (raster.Width, raster.Height);
        return Resize(w == h ? raster : Crop(raster, (w - Math.Min(w, h)) / 2, (h - Math.Min(w, h)) / 2, Math.Min(w, h)), side, side);
    }

    private static Raster Crop(Raster raster, int left, int top, int side)
    {
        var row = side * raster.Channels;
        var pixels = new byte[row * side];
        for (var y = 0; y < side; y++)
        {
            raster.Pixels.AsSpan((((y + top) * raster.Width) + left) * raster.Channels, row).CopyTo(pixels.AsSpan(y * row));
        }
        return new Raster(side, side, raster.Channels, pixels);
    }

    // source is [outer, from, inner], the result [outer, to, inner]
    private static byte[] Along(byte[] source, int outer, int from, int inner, int to)
    {
        var target = new byte[outer * to * inner];
        var scale = (double)from / to;
        var radius = Math.Max(scale, 1);
        var weights = new double[(int)Math.Ceiling(2 * radius) + 2];
        var sums = new double[inner];
        for (var i = 0; i < to; i++)
        {
            var centre = (i + 0.5) * scale;
            var first = Math.Max(0, (int)(centre - radius + 0.5));
            var count = Math.Min(from, (int)(centre + radius + 0.5)) - first;
            var total = 0.0;
            for (var k = 0; k < count; k++)
            {
                total += weights[k] = Math.Max(0, 1 - (Math.Abs(first + k + 0.5 - centre) / radius));
            }
            for (var o = 0; o < outer; o++)
            {
                Array.Clear(sums);
                for (var k = 0; k < count; k++)
                {
                    var line = source.AsSpan(((o * from) + first + k) * inner, inner);
                    for (var c = 0; c < inner; c++)
                    {
                        sums[c] += weights[k] * line[c];
                    }
                }

                var result = target.AsSpan(((o * to) + i) * inner, inner);
                for (var c = 0; c < inner; c++)
                {
                    result[c] = (byte)Math.Clamp((sums[c] / total) + 0.5, 0, 255);
                }
            }
        }

        return target;
    }
}
