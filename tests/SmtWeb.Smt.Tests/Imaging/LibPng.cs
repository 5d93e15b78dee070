using System.Runtime.InteropServices;
using SmtWeb.Smt.Imaging;

namespace SmtWeb.Smt.Tests.Imaging;

/// <summary>Reads PNG with libpng's simplified API: a decoder that this project did not write.</summary>
internal static partial class LibPng
{
    private const string Library = "libpng16.so.16";
    private const uint ImageVersion = 1;
    private const uint FormatColour = 2;

    public static bool Available => NativeLibrary.TryLoad(Library, out _);

    public static unsafe Raster Decode(byte[] png)
    {
        var image = new PngImage { Version = ImageVersion };
        fixed (byte* data = png)
        {
            if (png_image_begin_read_from_memory(ref image, data, (nuint)png.Length) == 0) throw new InvalidDataException(Message(ref image));
            var channels = (image.Format & FormatColour) != 0 ? 3 : 1;
            image.Format &= FormatColour;
            var pixels = new byte[image.Width * image.Height * channels];
            fixed (byte* target = pixels)
                if (png_image_finish_read(ref image, null, target, 0, null) == 0) throw new InvalidDataException(Message(ref image));
            return new Raster((int)image.Width, (int)image.Height, channels, pixels);
        }
    }

    private static unsafe string Message(ref PngImage image)
    {
        fixed (byte* message = image.Message) return Marshal.PtrToStringUTF8((nint)message) ?? "libpng failed";
    }

    [LibraryImport(Library)]
    private static unsafe partial int png_image_begin_read_from_memory(ref PngImage image, byte* memory, nuint size);

    [LibraryImport(Library)]
    private static unsafe partial int png_image_finish_read(ref PngImage image, void* background, byte* buffer, int rowStride, void* colormap);

    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct PngImage
    {
        public nint Opaque;
        public uint Version;
        public uint Width;
        public uint Height;
        public uint Format;
        public uint Flags;
        public uint ColormapEntries;
        public uint WarningOrError;
        public fixed byte Message[64];
    }
}
