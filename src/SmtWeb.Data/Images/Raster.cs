using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.PixelFormats;

namespace SmtWeb.Data.Images;

/// <summary>
/// A picture in memory: <paramref name="Pixels"/> is [Height,Width,Channels] row-major, one byte a channel; 1 channel is grey, 3 are RGB.
/// </summary>
public sealed record Raster(int Width, int Height, int Channels, byte[] Pixels)
{
    /// <summary>
    /// The picture as a PNG file of 8 bits a channel. <paramref name="texts"/> become text chunks, uncompressed, in their order:
    /// what made the picture, for whoever finds the file later.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// It is neither grey nor RGB, is empty, has another number of bytes than its sides say, or a keyword is none.
    /// </exception>
    public byte[] ToPng(params IEnumerable<PngText> texts)
    {
        if (Channels is not (1 or 3))
        {
            throw new ArgumentException($"A picture of {Channels} channels is neither grey (1) nor RGB (3).");
        }
        if (Width < 1 || Height < 1 || Pixels.Length != (long)Width * Height * Channels)
        {
            throw new ArgumentException($"{Width}x{Height} with {Channels} channels do not fit {Pixels.Length} bytes.");
        }
        return Channels == 1 ? Encode<L8>(texts, PngColorType.Grayscale) : Encode<Rgb24>(texts, PngColorType.Rgb);
    }

    private byte[] Encode<TPixel>(IEnumerable<PngText> texts, PngColorType colour)
        where TPixel : unmanaged, IPixel<TPixel>
    {
        using var image = Image.WrapMemory<TPixel>(ImageFormats.Configuration, Pixels.AsMemory(), Width, Height);
        var written = image.Metadata.GetPngMetadata().TextData;
        foreach (var text in texts)
        {
            written.Add(new PngTextData(text.Keyword, text.Text, "", ""));
        }
        using var file = new MemoryStream();
        image.Save(
            file,
            new PngEncoder
            {
                ColorType = colour,
                BitDepth = PngBitDepth.Bit8,
                FilterMethod = PngFilterMethod.Adaptive,
                ChunkFilter = PngChunkFilter.ExcludePhysicalChunk,
                TextCompressionThreshold = int.MaxValue,
            }
        );
        return file.ToArray();
    }
}
