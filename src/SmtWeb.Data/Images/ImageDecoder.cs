using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Metadata.Profiles.Exif;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;

namespace SmtWeb.Data.Images;

/// <summary>
/// Reads PNG and JPEG files of people, with ImageSharp. The sides are bounded before any pixel is decoded, so that a file of
/// kilobytes cannot ask for gigabytes. Grey stays grey (1 channel), all else becomes RGB; an alpha channel is left out; the
/// picture is turned as its EXIF orientation says. What changed the pixels is reported.
/// </summary>
public static class ImageDecoder
{
    /// <summary>Longest side of a picture.</summary>
    public const int MaxSide = 16_384;

    /// <summary>Most pixels of a picture: 96 MB as RGB.</summary>
    public const int MaxPixels = 32 << 20;

    /// <summary>Largest file.</summary>
    public const int MaxFileBytes = 64 << 20;

    /// <summary>Ends of the names of files that this reads.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".png", ".jpg", ".jpeg"];

    /// <summary>Whether a file of that name is read.</summary>
    public static bool Reads(string name) => Extensions.Contains(Path.GetExtension(name).ToLowerInvariant());

    /// <summary>Decodes a PNG or JPEG file, told apart by their first bytes.</summary>
    /// <exception cref="InvalidDataException">It is neither, is damaged, or is larger than the bounds.</exception>
    public static Raster Decode(ReadOnlySpan<byte> file) => Decode(file, out _);

    /// <summary>Decodes a PNG or JPEG file and says what that did to its pixels.</summary>
    /// <exception cref="InvalidDataException">It is neither, is damaged, or is larger than the bounds.</exception>
    public static Raster Decode(ReadOnlySpan<byte> file, out PixelChanges changes)
    {
        var facts = Facts(file);
        IImageDecoder decoder = IsPng(file) ? ImageFormats.Png : ImageFormats.Jpeg;
        if (IsPng(file))
        {
            PngStructure.EnsureWhole(file);
        }
        changes = facts.Changes | (facts.Orientation == ExifOrientation.Upright ? PixelChanges.None : PixelChanges.Turned);
        try
        {
            EnsureIdentified(file, facts);
            return facts.Channels == 1 ? Decode<L8>(file, decoder, facts) : Decode<Rgb24>(file, decoder, facts);
        }
        // A hostile file may find any fault of the decoder: it is the file's, and no reason to stop for anyone but its reader.
        catch (Exception e) when (e is not (InvalidDataException or OutOfMemoryException))
        {
            throw new InvalidDataException($"it cannot be decoded: {e.Message}", e);
        }
    }

    /// <summary>Sides, as it will be turned, and channels of a file whose pixels are not decoded.</summary>
    /// <exception cref="InvalidDataException">It is neither PNG nor JPEG, is damaged, or is larger than the bounds.</exception>
    internal static (int Width, int Height, int Channels) Measure(ReadOnlySpan<byte> file)
    {
        var facts = Facts(file);
        return facts.Orientation >= ExifOrientation.FirstOnItsSide
            ? (facts.Height, facts.Width, facts.Channels)
            : (facts.Width, facts.Height, facts.Channels);
    }

    /// <summary>Makes sure that a picture is within the bounds.</summary>
    internal static void EnsureSides(uint width, uint height)
    {
        if (width is 0 or > MaxSide || height is 0 or > MaxSide || (long)width * height > MaxPixels)
        {
            throw new InvalidDataException(
                $"it says it has {width}x{height} pixels; at most {MaxSide} a side and {MaxPixels:N0} in all are read"
            );
        }
    }

    private static bool IsPng(ReadOnlySpan<byte> file) => file is [0x89, (byte)'P', (byte)'N', (byte)'G', ..];

    private static PictureFacts Facts(ReadOnlySpan<byte> file) =>
        file switch
        {
            _ when IsPng(file) => PngStructure.Read(file),
            [0xFF, 0xD8, ..] => JpegStructure.Read(file),
            _ => throw new InvalidDataException(
                "it is neither PNG nor JPEG: it begins with "
                    + $"{(file.IsEmpty ? "nothing (0 bytes)" : Convert.ToHexString(file[..Math.Min(4, file.Length)]))}"
            ),
        };

    // What the decoder is about to take for the size must be what was bounded.
    private static unsafe void EnsureIdentified(ReadOnlySpan<byte> file, PictureFacts facts)
    {
        fixed (byte* data = file)
        {
            using var stream = new UnmanagedMemoryStream(data, file.Length);
            var info = Image.Identify(ImageFormats.Configuration, stream) ?? throw new InvalidDataException("its size cannot be found out");
            if ((info.Width, info.Height) != (facts.Width, facts.Height))
            {
                throw new InvalidDataException($"it says it has {facts.Width}x{facts.Height} pixels and again {info.Width}x{info.Height}");
            }
        }
    }

    private static Raster Decode<TPixel>(ReadOnlySpan<byte> file, IImageDecoder decoder, PictureFacts facts)
        where TPixel : unmanaged, IPixel<TPixel>
    {
        using var image = Image.Load<TPixel>(ImageFormats.Configuration, file, decoder);
        if (facts.Orientation != ExifOrientation.Upright)
        {
            image.Metadata.ExifProfile = new ExifProfile();
            image.Metadata.ExifProfile.SetValue(ExifTag.Orientation, (ushort)facts.Orientation);
            image.Mutate(i => i.AutoOrient());
        }

        var pixels = new byte[image.Width * image.Height * facts.Channels];
        image.CopyPixelDataTo(pixels);
        return new Raster(image.Width, image.Height, facts.Channels, pixels);
    }
}
