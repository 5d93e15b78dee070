using System.Text;
using SmtWeb.Data.Batches;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;
using SmtWeb.Data.Images.Figures;

namespace SmtWeb.Smt.Tests.Imaging;

public sealed class ImagingTests
{
    public static TheoryData<int, int, int> Sizes =>
        new()
        {
            { 1, 1, 1 },
            { 1, 1, 3 },
            { 7, 3, 1 },
            { 64, 33, 3 },
            { 257, 2, 3 },
        };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void ToPng_NoiseAndRamps_AreReadBack(int width, int height, int channels)
    {
        var random = new HostRandom(1);
        var count = width * height * channels;
        foreach (
            var pixels in new byte[][]
            {
                [.. Enumerable.Range(0, count).Select(_ => (byte)random.NextBits())],
                [.. Enumerable.Range(0, count).Select(i => (byte)(i / channels))],
                new byte[count],
            }
        )
        {
            var read = ImageDecoder.Decode(new Raster(width, height, channels, pixels).ToPng());
            Assert.Equal((width, height, channels), (read.Width, read.Height, read.Channels));
            Assert.Equal(pixels, read.Pixels);
        }
    }

    [Fact]
    public void ToPng_SmoothPicture_FiltersMakeItFarSmaller()
    {
        var pixels = new byte[256 * 256];
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (byte)((i % 256) + (i / 256));
        }
        Assert.InRange(new Raster(256, 256, 1, pixels).ToPng().Length, 1, 3000);
    }

    [Theory]
    [InlineData(2, 2, 2, 8)]
    [InlineData(0, 1, 1, 0)]
    [InlineData(2, 2, 1, 5)]
    public void ToPng_ImpossiblePicture_Throws(int width, int height, int channels, int bytes) =>
        Assert.Throws<ArgumentException>(() => new Raster(width, height, channels, new byte[bytes]).ToPng());

    [Fact]
    public void ToPng_WithTexts_KeepsThemAndTheirOrder()
    {
        var png = new Raster(2, 2, 1, [1, 2, 3, 4]).ToPng(
            new PngText("run", "12"),
            new PngText("seed", "18446744073709551615"),
            new PngText("class", "鳥")
        );
        var chunks = PngFile.Chunks(png);
        Assert.Equal(["IHDR", "tEXt", "tEXt", "iTXt", "IDAT", "IEND"], chunks.Select(c => c.Type));
        Assert.Equal("run\012", Encoding.Latin1.GetString(chunks[1].Data));
        Assert.Equal("seed\018446744073709551615", Encoding.Latin1.GetString(chunks[2].Data));
        Assert.EndsWith("鳥", Encoding.UTF8.GetString(chunks[3].Data), StringComparison.Ordinal);
        Assert.Equal([1, 2, 3, 4], ImageDecoder.Decode(png).Pixels);
        Assert.Equal(["IHDR", "IDAT", "IEND"], PngFile.Chunks(new Raster(2, 2, 1, [1, 2, 3, 4]).ToPng()).Select(c => c.Type));
    }

    [Theory]
    [InlineData("", "x")]
    [InlineData(" run", "x")]
    [InlineData("rün", "x")]
    [InlineData("run", "a\0b")]
    public void PngText_NotOfTheFormat_IsRefused(string keyword, string text) =>
        Assert.Throws<ArgumentException>(() => new PngText(keyword, text));

    [Fact]
    public void Compose_FiveImagesInTwoColumns_PutsEachInItsCell()
    {
        // 1x2 grey images (i, 10 i), twice as large.
        byte[] images = [1, 10, 2, 20, 3, 30, 4, 40, 5, 50];
        var grid = ImageGrid.Compose(images, height: 1, width: 2, channels: 1, columns: 2, scale: 2);
        Assert.Equal((8, 6), (grid.Width, grid.Height));
        byte[] expected =
        [
            1,
            1,
            10,
            10,
            2,
            2,
            20,
            20,
            1,
            1,
            10,
            10,
            2,
            2,
            20,
            20,
            3,
            3,
            30,
            30,
            4,
            4,
            40,
            40,
            3,
            3,
            30,
            30,
            4,
            4,
            40,
            40,
            5,
            5,
            50,
            50,
            255,
            255,
            255,
            255,
            5,
            5,
            50,
            50,
            255,
            255,
            255,
            255,
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
    public void Compose_HalfAnImage_Throws() => Assert.Throws<ArgumentException>(() => ImageGrid.Compose(new byte[6], 2, 2, 1, 2));

    [Fact]
    public void Draw_SwissRoll_KeepsItsFrameAndShowsOutliers()
    {
        var data = SwissRoll.Draw(new HostRandom(1), 10_000, 0.25);
        var samples = SwissRoll.Draw(new HostRandom(2), 10_000, 0.25);
        var clean = PointFigure.Draw(data, samples);
        (samples[0], samples[1], samples[2]) = (100f, 0f, float.NaN);
        var astray = PointFigure.Draw(data, samples);
        Assert.Equal((clean.Width, clean.Height), (astray.Width, astray.Height));
        Assert.Equal(0, Red(clean));
        Assert.InRange(Red(astray), 4, 60);
        if (Environment.GetEnvironmentVariable("SMTWEB_ARTIFACTS") is { Length: > 0 } folder)
        {
            File.WriteAllBytes(Path.Combine(folder, "swiss-roll-data.png"), astray.ToPng());
        }

        Assert.Throws<ArgumentException>(() => PointFigure.Draw(data, [1, 2, 3]));

        static int Red(Raster r) =>
            Enumerable.Range(0, r.Width * r.Height).Count(i => r.Pixels[3 * i] > 150 && r.Pixels[(3 * i) + 1] < 120);
    }

    [Fact]
    public void Compare_ThreePanelsInTwoColumns_DrawsEachInItsPlaceWithItsText()
    {
        var data = SwissRoll.Draw(new HostRandom(1), 2_000, 0.25);
        PointPanel[] panels =
        [
            new("Data", "", data, []),
            new("(b) SMT", "SW₂ 0.012, 1.2 % off", data, data),
            new("(c) SMD", "SW₂ 0.034, 3.4 % off", data, data),
        ];
        var figure = PointFigure.Compare(panels, columns: 2, side: 320);
        Assert.Equal(640, figure.Width);
        var half = figure.Height / 2;
        Assert.True(Dark(figure, 0, 0, 320, 40) > 50, "the title of the first panel");
        Assert.Equal(0, Dark(figure, 0, half - 24, 320, 20)); // it has no note
        Assert.True(Dark(figure, 320, half - 36, 320, 32) > 50, "the note of the second panel");
        Assert.Equal(0, Blue(figure, 0, 0, 320, half));
        Assert.True(Blue(figure, 320, 0, 320, half) > 500 && Blue(figure, 0, half, 320, half) > 500, "samples");
        Assert.Equal(0, Dark(figure, 320, half, 320, half)); // there is no fourth
        // the same picture whoever draws it
        Assert.Equal(figure.Pixels, PointFigure.Compare(panels, columns: 2, side: 320).Pixels);

        static int Dark(Raster r, int x, int y, int w, int h) => Count(r, x, y, w, h, (red, _, blue) => red < 140 && blue < 140);
        static int Blue(Raster r, int x, int y, int w, int h) => Count(r, x, y, w, h, (red, _, blue) => blue > red + 50);
        static int Count(Raster r, int x, int y, int w, int h, Func<byte, byte, byte, bool> wanted) =>
            (
                from py in Enumerable.Range(y, h)
                from px in Enumerable.Range(x, w)
                let at = ((py * r.Width) + px) * 3
                where wanted(r.Pixels[at], r.Pixels[at + 1], r.Pixels[at + 2])
                select at
            ).Count();
    }
}
