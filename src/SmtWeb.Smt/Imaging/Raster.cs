namespace SmtWeb.Smt.Imaging;

/// <summary>A picture in memory: <paramref name="Pixels"/> is [Height,Width,Channels] row-major, one byte a channel; 1 channel is grey, 3 are RGB.</summary>
public sealed record Raster(int Width, int Height, int Channels, byte[] Pixels)
{
    /// <summary>The picture as a PNG file.</summary>
    public byte[] ToPng() => PngEncoder.Encode(this);
}
