using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Memory;

namespace SmtWeb.Data.Images;

/// <summary>
/// ImageSharp with PNG and JPEG and nothing else, so that no other decoder ever sees a foreign byte; without metadata, whose
/// compressed texts unpack without a bound; with a bound on every buffer; and on the thread that calls, for the cores belong to the
/// trainer.
/// </summary>
internal static class ImageFormats
{
    private const int LargestBufferMegabytes = 128; // ImageDecoder.MaxPixels as RGB are 96
    private const int KeptMegabytes = 64;

    internal static readonly PngDecoder Png = new() { IgnoreMetadata = true };

    internal static readonly JpegDecoder Jpeg = new() { IgnoreMetadata = true };

    internal static readonly Configuration Configuration = Make();

    private static Configuration Make()
    {
        var configuration = new Configuration(new PngConfigurationModule(), new JpegConfigurationModule())
        {
            MaxDegreeOfParallelism = 1,
            MemoryAllocator = MemoryAllocator.Create(
                new MemoryAllocatorOptions { AllocationLimitMegabytes = LargestBufferMegabytes, MaximumPoolSizeMegabytes = KeptMegabytes }
            ),
        };
        configuration.ImageFormatsManager.SetDecoder(PngFormat.Instance, Png);
        configuration.ImageFormatsManager.SetDecoder(JpegFormat.Instance, Jpeg);
        return configuration;
    }
}
