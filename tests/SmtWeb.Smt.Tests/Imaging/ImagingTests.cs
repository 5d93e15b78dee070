using SmtWeb.Smt.Datasets;
using SmtWeb.Smt.Imaging;

namespace SmtWeb.Smt.Tests.Imaging;

public sealed class ImagingTests
{
    public static TheoryData<int, int, int> Sizes => new() { { 1, 1, 1 }, { 1, 1, 3 }, { 7, 3, 1 }, { 64, 33, 3 }, { 257, 2, 3 } };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Encode_NoiseAndRamps_LibpngReadsThemBack(int width, int height, int channels)
    {
        Assert.SkipUnless(LibPng.Available, "libpng16 is not installed.");
        var random = new HostRandom(1);
        var count = width * height * channels;
        foreach (var pixels in new byte[][] { [.. Enumerable.Range(0, count).Select(_ => (byte)random.NextBits())], [.. Enumerable.Range(0, count).Select(i => (byte)(i / channels))], new byte[count] })
        {
            var read = LibPng.Decode(new Raster(width, height, channels, pixels).ToPng());
            Assert.Equal((width, height, channels), (read.Width, read.Height, read.Channels));
            Assert.Equal(pixels, read.Pixels);
        }
    }

    [Fact]
    public void Encode_SmoothPicture_FiltersMakeItFarSmaller()
    {
        var pixels = new byte[256 * 256];
        for (var i = 0; i < pixels.Length; i++) pixels[i] = (byte)((i % 256) + (i / 256));
        Assert.InRange(new Raster(256, 256, 1, pixels).ToPng().Length, 1, 3000);
    }

    [Theory]
    [InlineData(2, 2, 2, 8)]
    [InlineData(0, 1, 1, 0)]
    [InlineData(2, 2, 1, 5)]
    public void Encode_ImpossiblePicture_Throws(int width, int height, int channels, int bytes) =>
        Assert.Throws<ArgumentException>(() => new Raster(width, height, channels, new byte[bytes]).ToPng());

    [Fact]
    public void Compose_FiveImagesInTwoColumns_PutsEachInItsCell()
    {
        // 1x2 grey images (i, 10 i), twice as large.
        byte[] images = [1, 10, 2, 20, 3, 30, 4, 40, 5, 50];
        var grid = ImageGrid.Compose(images, height: 1, width: 2, channels: 1, columns: 2, scale: 2);
        Assert.Equal((8, 6), (grid.Width, grid.Height));
        byte[] expected =
        [
            1, 1, 10, 10, 2, 2, 20, 20,
            1, 1, 10, 10, 2, 2, 20, 20,
            3, 3, 30, 30, 4, 4, 40, 40,
            3, 3, 30, 30, 4, 4, 40, 40,
            5, 5, 50, 50, 255, 255, 255, 255,
            5, 5, 50, 50, 255, 255, 255, 255,
        ];
        Assert.Equal(expected, grid.Pixels);
    }

    [Fact]
    public void Compose_ColourWithGap_SeparatesCellsInWhite()
    {
        var grid = ImageGrid.Compose([1, 2, 3, 4, 5, 6], height: 1, width: 1, channels: 3, columns: 2, gap: 1);
        Assert.Equal((3, 1), (grid.Width, grid.Height));
        Assert.Equal([1, 2, 3, 255, 255, 255, 4, 5, 6], grid.Pixels);
    }

    [Fact]
    public void Compose_HalfAnImage_Throws() =>
        Assert.Throws<ArgumentException>(() => ImageGrid.Compose(new byte[6], 2, 2, 1, 2));

    [Fact]
    public void Draw_SwissRoll_KeepsItsFrameAndShowsOutliers()
    {
        var data = SwissRoll.Draw(new HostRandom(1), 10_000, 0.25);
        var samples = SwissRoll.Draw(new HostRandom(2), 10_000, 0.25);
        var clean = ScatterPlot.Draw(data, samples);
        (samples[0], samples[1], samples[2]) = (100f, 0f, float.NaN);
        var astray = ScatterPlot.Draw(data, samples);
        Assert.Equal((clean.Width, clean.Height), (astray.Width, astray.Height));
        Assert.Equal(0, Red(clean));
        Assert.InRange(Red(astray), 4, 40);
        if (Environment.GetEnvironmentVariable("SMTWEB_ARTIFACTS") is { Length: > 0 } folder) File.WriteAllBytes(Path.Combine(folder, "swiss-roll-data.png"), astray.ToPng());

        static int Red(Raster r) => Enumerable.Range(0, r.Width * r.Height).Count(i => r.Pixels[3 * i] > 150 && r.Pixels[(3 * i) + 1] < 120);
    }
}
