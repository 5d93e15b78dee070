using System.Buffers.Binary;
using SmtWeb.Data.Batches;
using SmtWeb.Data.Images;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Imaging;

public sealed class ImageDecoderTests
{
    /// <summary>Files of 12x8 pixels that Pillow 9.4 wrote, and the pixels that it read back.</summary>
    public static TheoryData<string, int, string, string> Jpegs =>
        new()
        {
            {
                "Colour",
                3,
                "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8QEBEQCgwSExIQEw8QEBD/2wBDAQMDAwQDBAgEBAgQCwkLEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBD/wAARCAAIAAwDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAf/xAAfEAABAgYDAAAAAAAAAAAAAAAAAQgDBQcVIyVCUaL/xAAVAQEBAAAAAAAAAAAAAAAAAAACB//EAB8RAAADCQAAAAAAAAAAAAAAAAAFBgQHEhQyM0Fh0f/aAAwDAQACEQMRAD8AitP2spj13XEv0laylvh67yATFkUhjDWA6Nfnsndxvo//2Q==",
                "AAEADQUCHwYMMQUSSAcfWwYncAUvhAU6lwVDqgVKwAdVyglaBxgGFR0OJh0WOh0fUB4pYx4xdh07ih1EnxxOsh1Xxx5f0iFlBjkOEz0VJT4eOD0mTz8yYz06dj1Eij1Nnz1WsD1exj9n0EFsB1cSFFsZJlwiOVspT1s1Yls+dltIiltRn1tasVpix11r0l9wCnMUGHgeKXkkPHksUnk4Z3hBendKjnhTo3dctXhlyXpt1X1zC5AZGJUgKpYpPZUxU5U7ZpVFepVOjZZXopVhtZRny5dy1Zl3CbAiFrQpKLUyOrU5UbVDZrROebRWjbVforRqs7RwybZ707iBEMctHcs0L8w/QsxFWMxRa8xZgMtilMxrqMx1ust70M2I2s+N"
            },
            {
                "Grey",
                1,
                "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/wAALCAAIAAwBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAB//EAB4QAAAEBwAAAAAAAAAAAAAAAAADCCQFByUzQlGi/9oACAEBAAA/ABWX6WbbTWIfoKlmnltOR//Z",
                "AAgOFB0kKjI4P0dNEhkgJi81O0NKUFleJCwyOUFITlZcY2txNj5ESlNZYGdudH2CSVFXXmZtc3uBiJCWW2Jpb3h+hIyTmaKnbXV7gouRl5+lrLW6f4eNk5yiqbC3vsbM"
            },
            {
                "Progressive",
                3,
                "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAUDBAQEAwUEBAQFBQUGBwwIBwcHBw8LCwkMEQ8SEhEPERETFhwXExQaFRERGCEYGh0dHx8fExciJCIeJBweHx7/2wBDAQUFBQcGBw4ICA4eFBEUHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh7/wgARCAAIAAwDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAb/xAAVAQEBAAAAAAAAAAAAAAAAAAABBf/aAAwDAQACEAMQAAABn6Yjn//EABgQAAIDAAAAAAAAAAAAAAAAAAAFAwQi/9oACAEBAAEFAqqsjV5//8QAGBEAAgMAAAAAAAAAAAAAAAAAAAUEEjH/2gAIAQMBAT8BSM5FNP/EABgRAAIDAAAAAAAAAAAAAAAAAAACAwRR/9oACAECAQE/AUtyaf/EABUQAQEAAAAAAAAAAAAAAAAAAAAy/9oACAEBAAY/ApS//8QAFhABAQEAAAAAAAAAAAAAAAAAACEx/9oACAEBAAE/IcyM/9oADAMBAAIAAwAAABAL/8QAFREBAQAAAAAAAAAAAAAAAAAAAIH/2gAIAQMBAT8Ql3//xAAVEQEBAAAAAAAAAAAAAAAAAAAAEf/aAAgBAgEBPxCU/8QAFhABAQEAAAAAAAAAAAAAAAAAAOHx/9oACAEBAAE/EM5MP//Z",
                "AAIACwYCIAcLNQcUSQUcXAUnbggwggg5lghEqgdKwAdVzQlbBhkGExsMJx0UPR0eURsoZRwwdx48ih1Enh5Osh1VyB1f1B9kCDcNFTkTKzwcQDslVDkuZzo3eTxDjDtKoDxUtDtcyjtm1j1rBlYRE1gXKlogPlopUlgyZlg7eVpGilpOoFpYs1pgyVpq1VxvBHYUEHkaJnokO3ksT3g0YXk9dXxJh3tRnXxdsXplx3tt03xyBJQYEZYfJpgpO5cyT5Y6YpZDdZlPiJhXnJlisJhoxply0pp3CLEiFbMoK7QyQLM6VLJCaLNMerVXjbVfobZrtLVzy7V817aBEcYsH8kzNck/SslGXsdQccdYg8pilcttqsp1vcl91MmH4cyN"
            },
            {
                "Inks",
                3,
                "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwACAQEBAQECAQEBAgICAgIEAwICAgIFBAQDBAYFBgYGBQYGBgcJCAYHCQcGBggLCAkKCgoKCgYICwwLCgwJCgoK/8AAFAgACAAMBEMRAE0RAFkRAEsRAP/EABgAAAMBAQAAAAAAAAAAAAAAAAAICQcK/8QAKhAAAQAFCgcAAAAAAAAAAAAAAAEHCBokAwUJJjQ3QWak4UVRYYGCobH/2gAOBEMATQBZAEsAAD8AReiS4Z4GRu7mRtNsTDZbVJZoXlgX8Ohxm26ab+/xAO7mRtNsPmr1UlV5CF9dEAf/2Q==",
                "AAAAFAAJKAASOwAbUQAkZAAteAA2jAA/oABIswBSyQBZ3ABjAB4FFB4OKB4XOx4gUR4pZB4xeB47jB5EoB5Msx5XyR5e3B5oADwKFDwTKDwdOzwlUTwuZDw3eDxBjDxJoDxSszxcyTxj3DxtAFoPFFoYKFohO1oqUVozZFo8eFpFjFpOoFpXs1phyVpo3FpyAHgUFHgdKHgmO3gvUXg4ZHhBeHhKjHhToHhcs3hmyXht3Hh3AJcZFJchKJcrO5c0UZc9ZJdFeJdPjJdYoJdgs5dryZdy3Jd8ALQeFLQnKLQxO7Q5UbRCZLRLeLRUjLRdoLRms7RwybR33LSBANIjFNIsKNI1O9I+UdJHZNJQeNJZjNJioNJrs9J1ydJ83NKG"
            },
        };

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Decode_OwnPng_GivesItsPixels(int channels)
    {
        var raster = new Raster(7, 5, channels, [.. Enumerable.Range(0, 35 * channels).Select(i => (byte)(i * 11))]);
        var read = ImageDecoder.Decode(raster.ToPng());
        Assert.Equal((7, 5, channels), (read.Width, read.Height, read.Channels));
        Assert.Equal(raster.Pixels, read.Pixels);
    }

    [Theory]
    [MemberData(nameof(Jpegs))]
    public void Decode_JpegOfPillow_GivesThePixelsOfPillow(string kind, int channels, string jpeg, string pixels)
    {
        var file = Convert.FromBase64String(jpeg);
        var read = ImageDecoder.Decode(file);
        Assert.Equal((12, 8, channels), (read.Width, read.Height, read.Channels));
        // Decoders round the transform differently, and where colours have half the resolution ImageSharp repeats them while
        // libjpeg smooths them (docs/adr/0032). A wrong matrix, swapped channels or inverted inks are off by a hundred.
        Assert.All(
            read.Pixels.Zip(Convert.FromBase64String(pixels)),
            p =>
                Assert.InRange(
                    Math.Abs(p.First - p.Second),
                    0,
                    kind switch
                    {
                        "Grey" => 1,
                        "Inks" => 3,
                        _ => 24,
                    }
                )
        );
        Assert.InRange(
            read.Pixels.Zip(Convert.FromBase64String(pixels)).Average(p => Math.Abs(p.First - p.Second)),
            0,
            kind switch
            {
                "Grey" or "Inks" => 1,
                _ => 8,
            }
        );
        Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode(file.AsSpan(0, file.Length / 2)));
    }

    [Fact]
    public void Decode_HugeSides_AreRefusedBeforeMemoryIsTaken()
    {
        var png = new Raster(1, 1, 1, [0]).ToPng();
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), 900_000);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), 900_000);
        BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(29), PngFile.Crc(png.AsSpan(12, 17)));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("900000x900000", Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode(png)).Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void Decode_NeitherPngNorJpeg_SaysWhatItBeginsWith() =>
        Assert.Contains("47494638", Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode("GIF89a"u8)).Message);

    /// <summary>Colour type, bits, a row of pixels, its bytes, and what they mean.</summary>
    public static TheoryData<string, byte, byte, byte[], byte[], PixelChanges> Kinds =>
        new()
        {
            { "grey of 1 bit", 0, 1, [0b1010_0000], [255, 0, 255, 0], PixelChanges.None },
            { "grey of 2 bits", 0, 2, [0b00_01_10_11], [0, 85, 170, 255], PixelChanges.None },
            { "grey of 4 bits", 0, 4, [0x0F, 0x81], [0, 255, 136, 17], PixelChanges.None },
            { "grey", 0, 8, [1, 2, 3, 4], [1, 2, 3, 4], PixelChanges.None },
            { "colours", 2, 8, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], PixelChanges.None },
            { "palette of 2 bits", 3, 2, [0b00_01_10_01], [10, 20, 30, 40, 50, 60, 70, 80, 90, 40, 50, 60], PixelChanges.None },
            { "palette", 3, 8, [2, 0, 1, 2], [70, 80, 90, 10, 20, 30, 40, 50, 60, 70, 80, 90], PixelChanges.None },
            { "grey and alpha", 4, 8, [1, 0, 2, 9, 3, 200, 4, 255], [1, 2, 3, 4], PixelChanges.AlphaLeftOut },
            {
                "colours and alpha",
                6,
                8,
                [1, 2, 3, 0, 4, 5, 6, 1, 7, 8, 9, 100, 10, 11, 12, 255],
                [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
                PixelChanges.AlphaLeftOut
            },
        };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Decode_EveryKindOfPng_GivesItsPixels(string kind, byte colour, byte bits, byte[] row, byte[] expected, PixelChanges changes)
    {
        (string, byte[])[] palette = colour == 3 ? [("PLTE", [10, 20, 30, 40, 50, 60, 70, 80, 90])] : [];
        byte[] rows = [0, .. row, 0, .. row];
        var read = ImageDecoder.Decode(
            PngFile.Of([("IHDR", PngFile.Header(4, 2, colour, bits)), .. palette, ("IDAT", PngFile.Zlib(rows)), ("IEND", [])]),
            out var found
        );
        Assert.True(((byte[])[.. expected, .. expected]).SequenceEqual(read.Pixels), $"{kind}: {string.Join(' ', read.Pixels)}");
        Assert.Equal(expected.Length == 4 ? 1 : 3, read.Channels);
        Assert.Equal(changes, found);

        // a row less than the header says is a picture that lost pixels, whatever the checksums say
        var cut = PngFile.Of([
            ("IHDR", PngFile.Header(4, 2, colour, bits)),
            .. palette,
            ("IDAT", PngFile.Zlib(rows[..(rows.Length / 2)])),
            ("IEND", []),
        ]);
        Assert.Contains("unpack to", Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode(cut)).Message);
    }

    [Theory]
    [InlineData(0, new byte[] { 0, 2 })]
    [InlineData(2, new byte[] { 0, 7, 0, 8, 0, 9 })]
    [InlineData(3, new byte[] { 0, 128, 255 })]
    public void Decode_TransparentColour_IsLeftOutAndSaid(byte colour, byte[] transparency)
    {
        byte[] row = colour switch
        {
            0 => [0, 1, 2, 3],
            2 => [0, 7, 8, 9, 1, 2, 3, 4, 5, 6],
            _ => [0, 0, 1, 2],
        };
        byte[] expected = colour == 3 ? [10, 20, 30, 40, 50, 60, 70, 80, 90] : row[1..];
        (string, byte[])[] palette = colour == 3 ? [("PLTE", [10, 20, 30, 40, 50, 60, 70, 80, 90])] : [];
        var read = ImageDecoder.Decode(
            PngFile.Of([
                ("IHDR", PngFile.Header(3, 1, colour)),
                .. palette,
                ("tRNS", transparency),
                ("IDAT", PngFile.Zlib(row)),
                ("IEND", []),
            ]),
            out var changes
        );
        Assert.Equal(expected, read.Pixels);
        Assert.Equal(PixelChanges.AlphaLeftOut, changes);
    }

    [Fact]
    public void Decode_Interlaced_GivesItsPixelsAndMissesNone()
    {
        // 8x8 grey, pixel = 8 y + x, in the order of the seven passes
        (int X, int Y, int Dx, int Dy)[] passes =
        [
            (0, 0, 8, 8),
            (4, 0, 8, 8),
            (0, 4, 4, 8),
            (2, 0, 4, 4),
            (0, 2, 2, 4),
            (1, 0, 2, 2),
            (0, 1, 1, 2),
        ];
        var rows = new List<byte>();
        foreach (var (x0, y0, dx, dy) in passes)
        {
            for (var y = y0; y < 8; y += dy)
            {
                rows.Add(0);
                for (var x = x0; x < 8; x += dx)
                {
                    rows.Add((byte)((8 * y) + x));
                }
            }
        }

        byte[] Png(int count) =>
            PngFile.Of(("IHDR", PngFile.Header(8, 8, 0, interlace: 1)), ("IDAT", PngFile.Zlib([.. rows.Take(count)])), ("IEND", []));
        Assert.Equal([.. Enumerable.Range(0, 64).Select(i => (byte)i)], ImageDecoder.Decode(Png(rows.Count)).Pixels);
        Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode(Png(rows.Count - 9)));
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(2, 6)]
    [InlineData(4, 4)]
    [InlineData(6, 8)]
    public void Decode_SixteenBits_IsRefusedInWords(byte colour, int bytes) =>
        Assert.Contains(
            "16 bits",
            Assert
                .Throws<InvalidDataException>(() =>
                    ImageDecoder.Decode(
                        PngFile.Of(("IHDR", PngFile.Header(1, 1, colour, 16)), ("IDAT", PngFile.Zlib(new byte[1 + bytes])), ("IEND", []))
                    )
                )
                .Message
        );

    [Fact]
    public void Decode_TextsThatUnpackToGigabytes_AreNotUnpacked()
    {
        // a zTXt and an iTXt of 200 MB of blanks each
        var blanks = PngFile.Zlib([.. Enumerable.Repeat((byte)' ', 200_000_000)]);
        var png = PngFile.Of(
            ("IHDR", PngFile.Header(1, 1, 0)),
            ("zTXt", [(byte)'a', 0, 0, .. blanks]),
            ("iTXt", [(byte)'b', 0, 1, 0, 0, 0, .. blanks]),
            ("IDAT", PngFile.Zlib([0, 7])),
            ("IEND", [])
        );
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal([7], ImageDecoder.Decode(png).Pixels);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Theory]
    [InlineData(1, 3, 2, new byte[] { 1, 2, 3, 4, 5, 6 })]
    [InlineData(2, 3, 2, new byte[] { 3, 2, 1, 6, 5, 4 })]
    [InlineData(3, 3, 2, new byte[] { 6, 5, 4, 3, 2, 1 })]
    [InlineData(4, 3, 2, new byte[] { 4, 5, 6, 1, 2, 3 })]
    [InlineData(5, 2, 3, new byte[] { 1, 4, 2, 5, 3, 6 })]
    [InlineData(6, 2, 3, new byte[] { 4, 1, 5, 2, 6, 3 })]
    [InlineData(7, 2, 3, new byte[] { 6, 3, 5, 2, 4, 1 })]
    [InlineData(8, 2, 3, new byte[] { 3, 6, 2, 5, 1, 4 })]
    [InlineData(0, 3, 2, new byte[] { 1, 2, 3, 4, 5, 6 })]
    [InlineData(9, 3, 2, new byte[] { 1, 2, 3, 4, 5, 6 })]
    public void Decode_ExifOrientation_TurnsThePictureAsViewersDo(int orientation, int width, int height, byte[] expected)
    {
        foreach (var little in new[] { true, false })
        {
            var png = PngFile.Of(
                ("IHDR", PngFile.Header(3, 2, 0)),
                ("eXIf", Tiff(orientation, little)),
                ("IDAT", PngFile.Zlib([0, 1, 2, 3, 0, 4, 5, 6])),
                ("IEND", [])
            );
            var read = ImageDecoder.Decode(png, out var changes);
            Assert.Equal((width, height), (read.Width, read.Height));
            Assert.Equal(expected, read.Pixels);
            Assert.Equal(orientation is > 1 and < 9 ? PixelChanges.Turned : PixelChanges.None, changes);

            // the same tag in a JPEG file of 12x8 pixels
            var plain = Convert.FromBase64String((string)Jpegs.Single(j => j.Data.Item1 == "Grey").Data.Item3);
            byte[] exif = [.. "Exif\0\0"u8, .. Tiff(orientation, little)];
            byte[] turned = [0xFF, 0xD8, 0xFF, 0xE1, (byte)((exif.Length + 2) >> 8), (byte)(exif.Length + 2), .. exif, .. plain[2..]];
            var jpeg = ImageDecoder.Decode(turned, out changes);
            Assert.Equal(orientation is > 4 and < 9 ? (8, 12) : (12, 8), (jpeg.Width, jpeg.Height));
            Assert.Equal(orientation is > 1 and < 9 ? PixelChanges.Turned : PixelChanges.None, changes);
            var upright = ImageDecoder.Decode(plain);
            var corner = orientation switch
            {
                2 => (11, 0),
                3 => (11, 7),
                4 => (0, 7),
                6 => (0, 7),
                7 => (11, 7),
                8 => (11, 0),
                _ => (0, 0),
            };
            Assert.Equal(upright.Pixels[(corner.Item2 * 12) + corner.Item1], jpeg.Pixels[0]);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("49492A00")]
    [InlineData("49492A00FFFFFFFF")]
    [InlineData("49492A0008000000FFFF")]
    [InlineData("4D4D002A000000080001011200020000000100060000")]
    [InlineData("00000000000000000000")]
    public void Decode_DamagedExif_IsTakenForUpright(string tiff) =>
        Assert.Equal(
            [1, 2],
            ImageDecoder
                .Decode(
                    PngFile.Of(
                        ("IHDR", PngFile.Header(2, 1, 0)),
                        ("eXIf", Convert.FromHexString(tiff)),
                        ("IDAT", PngFile.Zlib([0, 1, 2])),
                        ("IEND", [])
                    )
                )
                .Pixels
        );

    [Fact]
    public void Decode_ThousandsOfScans_AreRefusedAtOnce()
    {
        var file = Convert.FromBase64String((string)Jpegs.Single(j => j.Data.Item1 == "Progressive").Data.Item3);
        var scan = file.AsSpan().IndexOf([(byte)0xFF, (byte)0xDA]);
        byte[] one = [.. file[scan..^2]];
        byte[] many = [.. file[..scan], .. Enumerable.Repeat(one, 200).SelectMany(b => b), 0xFF, 0xD9];
        Assert.Contains("500 scans", Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode(many)).Message);
    }

    [Fact]
    public void Decode_Inks_AreSaid()
    {
        ImageDecoder.Decode(Convert.FromBase64String((string)Jpegs.Single(j => j.Data.Item1 == "Inks").Data.Item3), out var changes);
        Assert.Equal(PixelChanges.InksConverted, changes);
    }

    [Fact]
    public void Decode_DamagedPngs_NeverCrashAndAreRefused()
    {
        var good = new Raster(16, 16, 3, [.. Enumerable.Range(0, 768).Select(i => (byte)(i * 5))]).ToPng();
        Assert.InRange(Refused(good, 1000), 500, 1000);
    }

    [Theory]
    [MemberData(nameof(Jpegs))]
    public void Decode_DamagedJpegs_NeverCrash(string kind, int channels, string jpeg, string pixels)
    {
        Assert.True(channels is 1 or 3 && pixels.Length > 0, kind);
        Assert.InRange(Refused(Convert.FromBase64String(jpeg), 1000), 250, 1000);
    }

    // One byte in each file is another, and every fourth is cut.
    private static int Refused(byte[] good, int count)
    {
        var random = new HostRandom(3);
        var refused = 0;
        for (var i = 0; i < count; i++)
        {
            var bytes = good.ToArray();
            bytes[random.NextInt(bytes.Length)] = (byte)random.NextInt(256);
            try
            {
                ImageDecoder.Decode(i % 4 == 0 ? bytes.AsSpan(0, random.NextInt(bytes.Length)) : bytes);
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }

        return refused;
    }

    /// <summary>A TIFF structure with a tag before the orientation.</summary>
    private static byte[] Tiff(int orientation, bool little)
    {
        byte[] U16(int v) => little ? [(byte)v, (byte)(v >> 8)] : [(byte)(v >> 8), (byte)v];
        byte[] U32(int v) => little ? [(byte)v, 0, 0, 0] : [0, 0, 0, (byte)v];
        return
        [
            .. little ? "II"u8 : "MM"u8,
            .. U16(42),
            .. U32(8),
            .. U16(2),
            .. U16(0x0100),
            .. U16(4),
            .. U32(1),
            .. U32(7),
            .. U16(0x0112),
            .. U16(3),
            .. U32(1),
            .. U16(orientation),
            0,
            0,
            .. U32(0),
        ];
    }
}
