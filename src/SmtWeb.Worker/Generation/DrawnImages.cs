using SmtWeb.Data.Images;
using SmtWeb.Smt.Sampling;

namespace SmtWeb.Worker.Generation;

/// <summary>Generated images as PNG files.</summary>
public static class DrawnImages
{
    /// <summary>All of them, in a grid of <paramref name="columns"/>, as square as it can be if that is not said.</summary>
    public static byte[] ToGridPng(this GeneratedImages images, int? columns = null) =>
        ImageGrid
            .Compose(images.Pixels, images.Height, images.Width, images.Channels, columns ?? (int)Math.Ceiling(Math.Sqrt(images.Count)))
            .ToPng();

    /// <summary>One of them.</summary>
    public static byte[] ToPng(this GeneratedImages images, int index)
    {
        var bytes = images.Height * images.Width * images.Channels;
        return new Raster(images.Width, images.Height, images.Channels, images.Pixels.AsSpan(index * bytes, bytes).ToArray()).ToPng();
    }
}
