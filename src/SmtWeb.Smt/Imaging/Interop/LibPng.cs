using System.Runtime.InteropServices;

namespace SmtWeb.Smt.Imaging.Interop;

/// <summary>libpng's simplified reading interface (png_image, libpng 1.6).</summary>
internal static unsafe partial class LibPng
{
    internal const string Library = "libpng16.so.16";
    internal const uint ImageVersion = 1;

    /// <summary>Format flags of png.h.</summary>
    internal const uint Alpha = 1, Colour = 2, Linear = 4;

    [LibraryImport(Library)]
    internal static partial int png_image_begin_read_from_memory(PngImage* image, byte* memory, nuint size);

    [LibraryImport(Library)]
    internal static partial int png_image_finish_read(PngImage* image, void* background, byte* buffer, int rowStride, void* colormap);

    [LibraryImport(Library)]
    internal static partial void png_image_free(PngImage* image);

    /// <summary>png_image, 104 bytes on 64-bit machines.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PngImage
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
