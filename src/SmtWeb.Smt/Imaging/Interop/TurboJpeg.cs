using System.Runtime.InteropServices;

namespace SmtWeb.Smt.Imaging.Interop;

/// <summary>The decompressor of libturbojpeg (TurboJPEG API 2.x).</summary>
internal static unsafe partial class TurboJpeg
{
    internal const string Library = "libturbojpeg.so.0";

    /// <summary>Pixel formats.</summary>
    internal const int Rgb = 0, Gray = 6, Cmyk = 11;

    /// <summary>Colour spaces of a file.</summary>
    internal const int SpaceGray = 2, SpaceCmyk = 3, SpaceYcck = 4;

    /// <summary>Error levels.</summary>
    internal const int Warning = 0;

    /// <summary>Refuses progressive files of absurdly many scans, which take minutes for kilobytes.</summary>
    internal const int LimitScans = 32768;

    [LibraryImport(Library)]
    internal static partial nint tjInitDecompress();

    [LibraryImport(Library)]
    internal static partial int tjDestroy(nint handle);

    [LibraryImport(Library)]
    internal static partial nint tjGetErrorStr2(nint handle);

    [LibraryImport(Library)]
    internal static partial int tjGetErrorCode(nint handle);

    [LibraryImport(Library)]
    internal static partial int tjDecompressHeader3(nint handle, byte* jpeg, CULong size, int* width, int* height, int* subsampling, int* colourSpace);

    [LibraryImport(Library)]
    internal static partial int tjDecompress2(nint handle, byte* jpeg, CULong size, byte* target, int width, int pitch, int height, int pixelFormat, int flags);
}
