using System.Runtime.InteropServices;
using SmtWeb.Smt.Imaging.Interop;

namespace SmtWeb.Smt.Imaging;

/// <summary>
/// Reads PNG (libpng) and JPEG (libturbojpeg) files of people. The sides are bounded before any pixel is decoded, so that
/// a file of kilobytes cannot ask for gigabytes. Grey stays grey (1 channel), all else becomes RGB; an alpha channel is left out.
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

    /// <summary>Decodes a PNG or JPEG file, told apart by their first bytes.</summary>
    /// <exception cref="InvalidDataException">It is neither, is damaged, or is larger than the bounds.</exception>
    public static Raster Decode(ReadOnlySpan<byte> file)
    {
        try
        {
            return file switch
            {
                [0x89, (byte)'P', (byte)'N', (byte)'G', ..] => DecodePng(file),
                [0xFF, 0xD8, ..] => DecodeJpeg(file),
                _ => throw new InvalidDataException($"it is neither PNG nor JPEG: it begins with {(file.IsEmpty ? "nothing (0 bytes)" : Convert.ToHexString(file[..Math.Min(4, file.Length)]))}"),
            };
        }
        catch (DllNotFoundException e)
        {
            throw new IOException($"PNG and JPEG are read by {LibPng.Library} and {TurboJpeg.Library}; one of them is not installed (apt-get install libpng16-16 libturbojpeg0): {e.Message}", e);
        }
    }

    private static unsafe Raster DecodePng(ReadOnlySpan<byte> file)
    {
        var image = new LibPng.PngImage { Version = LibPng.ImageVersion };
        fixed (byte* data = file)
        {
            try
            {
                if (LibPng.png_image_begin_read_from_memory(&image, data, (nuint)file.Length) == 0) throw Broken(&image);
                CheckSides(image.Width, image.Height);
                if ((image.Format & LibPng.Linear) != 0) throw new InvalidDataException("its channels have 16 bits; convert it to 8 bits a channel");
                var channels = (image.Format & LibPng.Colour) != 0 ? 3 : 1;
                var alpha = (image.Format & LibPng.Alpha) != 0;
                image.Format &= LibPng.Colour | LibPng.Alpha; // no colour map
                var stored = channels + (alpha ? 1 : 0);
                var pixels = new byte[image.Width * image.Height * stored];
                fixed (byte* target = pixels)
                    if (LibPng.png_image_finish_read(&image, null, target, 0, null) == 0) throw Broken(&image);
                return new Raster((int)image.Width, (int)image.Height, channels, alpha ? DropLast(pixels, stored) : pixels);
            }
            finally
            {
                LibPng.png_image_free(&image);
            }
        }
    }

    private static unsafe Raster DecodeJpeg(ReadOnlySpan<byte> file)
    {
        var handle = TurboJpeg.tjInitDecompress();
        if (handle == 0) throw new IOException("libturbojpeg could not be started");
        try
        {
            fixed (byte* data = file)
            {
                int width, height, subsampling, space;
                var size = new CULong((nuint)file.Length);
                if (TurboJpeg.tjDecompressHeader3(handle, data, size, &width, &height, &subsampling, &space) != 0) throw Broken(handle);
                CheckSides((uint)width, (uint)height);
                var (format, stored) = space switch
                {
                    TurboJpeg.SpaceGray => (TurboJpeg.Gray, 1),
                    TurboJpeg.SpaceCmyk or TurboJpeg.SpaceYcck => (TurboJpeg.Cmyk, 4),
                    _ => (TurboJpeg.Rgb, 3),
                };
                var pixels = new byte[width * height * stored];
                fixed (byte* target = pixels)
                    if (TurboJpeg.tjDecompress2(handle, data, size, target, width, 0, height, format, TurboJpeg.LimitScans) != 0 && !IsHarmless(handle)) throw Broken(handle);
                return stored == 4 ? new Raster(width, height, 3, FromCmyk(pixels)) : new Raster(width, height, stored, pixels);
            }
        }
        finally
        {
            _ = TurboJpeg.tjDestroy(handle);
        }
    }

    private static void CheckSides(uint width, uint height)
    {
        if (width is 0 or > MaxSide || height is 0 or > MaxSide || (long)width * height > MaxPixels)
            throw new InvalidDataException($"it says it has {width}x{height} pixels; at most {MaxSide} a side and {MaxPixels:N0} in all are read");
    }

    // Bytes between two segments do no harm to the pixels, and files of ImageNet have them; anything else lost pixels.
    private static bool IsHarmless(nint handle) =>
        TurboJpeg.tjGetErrorCode(handle) == TurboJpeg.Warning && Message(handle) is var text && (text.Contains("extraneous bytes", StringComparison.Ordinal) || text.Contains("Adobe", StringComparison.Ordinal));

    // Adobe's files, the only ones that there are, store the inks inverted.
    private static byte[] FromCmyk(byte[] inks)
    {
        var rgb = new byte[inks.Length / 4 * 3];
        for (int i = 0, o = 0; i < inks.Length; i += 4, o += 3)
            for (var c = 0; c < 3; c++)
                rgb[o + c] = (byte)(((inks[i + c] * inks[i + 3]) + 127) / 255);
        return rgb;
    }

    private static byte[] DropLast(byte[] pixels, int stored)
    {
        var kept = new byte[pixels.Length / stored * (stored - 1)];
        for (int i = 0, o = 0; i < pixels.Length; i += stored, o += stored - 1) pixels.AsSpan(i, stored - 1).CopyTo(kept.AsSpan(o));
        return kept;
    }

    private static unsafe InvalidDataException Broken(LibPng.PngImage* image) => new($"libpng: {Marshal.PtrToStringUTF8((nint)image->Message)}");

    private static InvalidDataException Broken(nint handle) => new($"libjpeg: {Message(handle)}");

    private static string Message(nint handle) => Marshal.PtrToStringUTF8(TurboJpeg.tjGetErrorStr2(handle)) ?? "failed";
}
