using System.IO.Compression;
using System.Text;
using SmtWeb.Data.Batches;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;
using SmtWeb.Smt.Tests.Files;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Datasets;

public sealed partial class SourceTests
{
    [Fact]
    public void Folder_ByClass_OrdersClassesAndNamesSynsets()
    {
        foreach (var (name, seed) in new[] { ("n01443537/b.png", 1), ("n01440764/z.png", 2), ("n01443537/a.png", 3) })
        {
            Write(name, Png(8, seed));
        }
        Write("n01440764/broken.jpg", [0xFF, 0xD8, 1, 2, 3]);
        Write("n01440764/notes.txt", [1]);
        using var source = new FolderSource(_folder);
        Assert.Equal((4, 8, 3, 2), (source.Count, source.Side, source.Channels, source.Classes));
        Assert.Equal(["tench", "goldfish"], source.ClassNames);
        var pixels = new byte[192];
        Assert.Contains("n01440764/broken.jpg", Assert.Throws<CorruptRecordException>(() => source.Read(0, pixels)).Message);
        Assert.Equal(0, source.Read(1, pixels));
        Assert.Equal(Planes(8, 2), pixels);
        Assert.Equal(1, source.Read(2, pixels));
        Assert.Equal(Planes(8, 3), pixels);
    }

    [Fact]
    public void Folder_OtherSizes_AreCroppedAndResized()
    {
        var wide = new Raster(16, 8, 1, [.. Enumerable.Range(0, 128).Select(i => (byte)(i % 16 is >= 4 and < 12 ? 200 : 0))]);
        Write("one.png", wide.ToPng());
        Assert.Contains("16x8", Assert.Throws<InvalidDataException>(() => new FolderSource(_folder)).Message);
        using var source = new FolderSource(_folder, side: 4, channels: 3);
        var pixels = new byte[48];
        Assert.Equal(-1, source.Read(0, pixels));
        Assert.All(pixels, p => Assert.Equal(200, p));
    }

    [Fact]
    public void Folder_LinksInside_AreNotFollowed()
    {
        Write("a/1.png", Png(8, 1));
        File.CreateSymbolicLink(Path.Combine(_folder, "a", "2.png"), "/dev/zero");
        Directory.CreateSymbolicLink(Path.Combine(_folder, "b"), "/usr");
        using var source = new FolderSource(_folder);
        Assert.Equal(1, source.Count);
    }

    [Fact]
    public void Folder_PipesDevicesAndLinks_AreNamedAndNeverWaitedFor()
    {
        var pictures = Directory.CreateDirectory(Path.Combine(_folder, "pictures")).FullName;
        File.WriteAllBytes(Path.Combine(pictures, "0.png"), Png(8, 1));
        File.CreateSymbolicLink(Path.Combine(pictures, "1.png"), Path.Combine(pictures, "0.png"));
        File.CreateSymbolicLink(Path.Combine(pictures, "2.png"), "/dev/zero"); // never ends
        PlainFileTests.MakePipe(Path.Combine(pictures, "3.png"));
        File.WriteAllBytes(Path.Combine(pictures, "4.png"), []);
        using var source = new FolderSource(pictures);
        var pixels = new byte[source.ImageBytes];
        for (var i = 0; i < source.Count; i++)
        {
            if (source.NameOf(i) is "0.png" or "1.png")
            {
                source.Read(i, pixels);
            }
            else
            {
                Assert.Contains(
                    source.NameOf(i) switch
                    {
                        "2.png" => "is a device",
                        "3.png" => "is a named pipe",
                        _ => "PNG",
                    },
                    Assert.Throws<CorruptRecordException>(() => source.Read(i, pixels)).Message
                );
            }
        }
    }
}
