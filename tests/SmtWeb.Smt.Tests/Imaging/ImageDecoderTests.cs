using System.Buffers.Binary;
using SmtWeb.Smt.Datasets;
using SmtWeb.Smt.Imaging;

namespace SmtWeb.Smt.Tests.Imaging;

public sealed class ImageDecoderTests
{
    /// <summary>Files of 12x8 pixels that Pillow 9.4 wrote, and the pixels that it read back.</summary>
    public static TheoryData<string, int, string, string> Jpegs => new()
    {
        { "Colour", 3, "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8QEBEQCgwSExIQEw8QEBD/2wBDAQMDAwQDBAgEBAgQCwkLEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBD/wAARCAAIAAwDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAf/xAAfEAABAgYDAAAAAAAAAAAAAAAAAQgDBQcVIyVCUaL/xAAVAQEBAAAAAAAAAAAAAAAAAAACB//EAB8RAAADCQAAAAAAAAAAAAAAAAAFBgQHEhQyM0Fh0f/aAAwDAQACEQMRAD8AitP2spj13XEv0laylvh67yATFkUhjDWA6Nfnsndxvo//2Q==", "AAEADQUCHwYMMQUSSAcfWwYncAUvhAU6lwVDqgVKwAdVyglaBxgGFR0OJh0WOh0fUB4pYx4xdh07ih1EnxxOsh1Xxx5f0iFlBjkOEz0VJT4eOD0mTz8yYz06dj1Eij1Nnz1WsD1exj9n0EFsB1cSFFsZJlwiOVspT1s1Yls+dltIiltRn1tasVpix11r0l9wCnMUGHgeKXkkPHksUnk4Z3hBendKjnhTo3dctXhlyXpt1X1zC5AZGJUgKpYpPZUxU5U7ZpVFepVOjZZXopVhtZRny5dy1Zl3CbAiFrQpKLUyOrU5UbVDZrROebRWjbVforRqs7RwybZ707iBEMctHcs0L8w/QsxFWMxRa8xZgMtilMxrqMx1ust70M2I2s+N" },
        { "Grey", 1, "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/wAALCAAIAAwBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAB//EAB4QAAAEBwAAAAAAAAAAAAAAAAADCCQFByUzQlGi/9oACAEBAAA/ABWX6WbbTWIfoKlmnltOR//Z", "AAgOFB0kKjI4P0dNEhkgJi81O0NKUFleJCwyOUFITlZcY2txNj5ESlNZYGdudH2CSVFXXmZtc3uBiJCWW2Jpb3h+hIyTmaKnbXV7gouRl5+lrLW6f4eNk5yiqbC3vsbM" },
        { "Progressive", 3, "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAUDBAQEAwUEBAQFBQUGBwwIBwcHBw8LCwkMEQ8SEhEPERETFhwXExQaFRERGCEYGh0dHx8fExciJCIeJBweHx7/2wBDAQUFBQcGBw4ICA4eFBEUHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh7/wgARCAAIAAwDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAb/xAAVAQEBAAAAAAAAAAAAAAAAAAABBf/aAAwDAQACEAMQAAABn6Yjn//EABgQAAIDAAAAAAAAAAAAAAAAAAAFAwQi/9oACAEBAAEFAqqsjV5//8QAGBEAAgMAAAAAAAAAAAAAAAAAAAUEEjH/2gAIAQMBAT8BSM5FNP/EABgRAAIDAAAAAAAAAAAAAAAAAAACAwRR/9oACAECAQE/AUtyaf/EABUQAQEAAAAAAAAAAAAAAAAAAAAy/9oACAEBAAY/ApS//8QAFhABAQEAAAAAAAAAAAAAAAAAACEx/9oACAEBAAE/IcyM/9oADAMBAAIAAwAAABAL/8QAFREBAQAAAAAAAAAAAAAAAAAAAIH/2gAIAQMBAT8Ql3//xAAVEQEBAAAAAAAAAAAAAAAAAAAAEf/aAAgBAgEBPxCU/8QAFhABAQEAAAAAAAAAAAAAAAAAAOHx/9oACAEBAAE/EM5MP//Z", "AAIACwYCIAcLNQcUSQUcXAUnbggwggg5lghEqgdKwAdVzQlbBhkGExsMJx0UPR0eURsoZRwwdx48ih1Enh5Osh1VyB1f1B9kCDcNFTkTKzwcQDslVDkuZzo3eTxDjDtKoDxUtDtcyjtm1j1rBlYRE1gXKlogPlopUlgyZlg7eVpGilpOoFpYs1pgyVpq1VxvBHYUEHkaJnokO3ksT3g0YXk9dXxJh3tRnXxdsXplx3tt03xyBJQYEZYfJpgpO5cyT5Y6YpZDdZlPiJhXnJlisJhoxply0pp3CLEiFbMoK7QyQLM6VLJCaLNMerVXjbVfobZrtLVzy7V817aBEcYsH8kzNck/SslGXsdQccdYg8pilcttqsp1vcl91MmH4cyN" },
        { "Inks", 3, "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwACAQEBAQECAQEBAgICAgIEAwICAgIFBAQDBAYFBgYGBQYGBgcJCAYHCQcGBggLCAkKCgoKCgYICwwLCgwJCgoK/8AAFAgACAAMBEMRAE0RAFkRAEsRAP/EABgAAAMBAQAAAAAAAAAAAAAAAAAICQcK/8QAKhAAAQAFCgcAAAAAAAAAAAAAAAEHCBokAwUJJjQ3QWak4UVRYYGCobH/2gAOBEMATQBZAEsAAD8AReiS4Z4GRu7mRtNsTDZbVJZoXlgX8Ohxm26ab+/xAO7mRtNsPmr1UlV5CF9dEAf/2Q==", "AAAAFAAJKAASOwAbUQAkZAAteAA2jAA/oABIswBSyQBZ3ABjAB4FFB4OKB4XOx4gUR4pZB4xeB47jB5EoB5Msx5XyR5e3B5oADwKFDwTKDwdOzwlUTwuZDw3eDxBjDxJoDxSszxcyTxj3DxtAFoPFFoYKFohO1oqUVozZFo8eFpFjFpOoFpXs1phyVpo3FpyAHgUFHgdKHgmO3gvUXg4ZHhBeHhKjHhToHhcs3hmyXht3Hh3AJcZFJchKJcrO5c0UZc9ZJdFeJdPjJdYoJdgs5dryZdy3Jd8ALQeFLQnKLQxO7Q5UbRCZLRLeLRUjLRdoLRms7RwybR33LSBANIjFNIsKNI1O9I+UdJHZNJQeNJZjNJioNJrs9J1ydJ83NKG" },
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
        // inks become colours by a rule of each program's own, which differs by rounding
        Assert.All(read.Pixels.Zip(Convert.FromBase64String(pixels)), p => Assert.InRange(Math.Abs(p.First - p.Second), 0, kind == "Inks" ? 2 : 0));
        Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode(file.AsSpan(0, file.Length / 2)));
    }

    [Fact]
    public void Decode_HugeSides_AreRefusedBeforeMemoryIsTaken()
    {
        var png = new Raster(1, 1, 1, [0]).ToPng();
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), 900_000);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), 900_000);
        BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(29), Crc(png.AsSpan(12, 17)));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("900000x900000", Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode(png)).Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void Decode_NeitherPngNorJpeg_SaysWhatItBeginsWith() =>
        Assert.Contains("47494638", Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode("GIF89a"u8)).Message);

    [Fact]
    public void Decode_DamagedVariants_NeverCrash()
    {
        var good = new Raster(16, 16, 3, [.. Enumerable.Range(0, 768).Select(i => (byte)(i * 5))]).ToPng();
        var random = new HostRandom(3);
        var refused = 0;
        for (var i = 0; i < 1000; i++)
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

        Assert.InRange(refused, 500, 1000);
    }

    private static uint Crc(ReadOnlySpan<byte> data)
    {
        var crc = 0xFFFFFFFFu;
        foreach (var b in data)
        {
            crc ^= b;
            for (var k = 0; k < 8; k++) crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
        }

        return ~crc;
    }
}
