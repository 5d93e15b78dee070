using System.IO.Compression;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;

namespace SmtWeb.Smt.Tests.Datasets;

/// <summary>What a folder or an archive passes over, how it is laid out, what size it states, and what is said about all of it.</summary>
public sealed class ListingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("smtweb-listing-").FullName;

    /// <summary>Files of a data set, its classes with their images, and notes that must be among those of the reader.</summary>
    public static TheoryData<string, string[], string[], string[]> Layouts =>
        new()
        {
            { "classes", ["cat/1.png", "dog/2.png", "dog/3.JPG"], ["cat: 1", "dog: 2"], [] },
            { "no classes", ["1.png", "2.jpeg"], [": 2"], [] },
            {
                "train and val",
                ["train/cat/1.png", "train/dog/2.png", "val/cat/3.png", "val/dog/4.png"],
                ["cat: 1", "dog: 1"],
                ["2 images beside train/, held out for evaluation, such as val/cat/3.png"]
            },
            {
                "training, validation and test",
                ["training/a/1.png", "training/b/2.png", "validation/a/3.png", "test/4.png"],
                ["a: 1", "b: 1"],
                ["2 images beside training/"]
            },
            { "train without classes", ["train/1.png", "val/2.png"], [": 1"], ["1 images beside train/"] },
            {
                "train in an outer folder",
                ["pets/train/cat/1.png", "pets/train/dog/2.png", "pets/val/cat/3.png"],
                ["cat: 1", "dog: 1"],
                ["1 images beside pets/train/, held out for evaluation, such as pets/val/cat/3.png"]
            },
            { "an outer folder", ["pets/cat/1.png", "pets/dog/2.png"], ["cat: 1", "dog: 1"], [] },
            { "a class named like a set", ["test/1.png", "plane/2.png"], ["plane: 1", "test: 1"], [] },
            {
                "hidden and system names",
                [
                    "cat/1.png",
                    "dog/2.png",
                    "cat/.ipynb_checkpoints/1-checkpoint.png",
                    "__MACOSX/cat/._1.png",
                    "cat/._1.png",
                    "Thumbs.db",
                    "cat/.DS_Store",
                    "dog/desktop.ini",
                ],
                ["cat: 1", "dog: 1"],
                []
            },
            {
                "images beside classes",
                ["cat/1.png", "dog/2.png", "cover.png"],
                ["cat: 1", "dog: 1"],
                ["1 images beside the folders of the classes, such as cover.png"]
            },
            {
                "other formats",
                [
                    "a/1.png",
                    "b/2.png",
                    "a/3.webp",
                    "a/4.WEBP",
                    "a/5.bmp",
                    "a/6.jfif",
                    "a/7.jpe",
                    "a/8.tiff",
                    "a/9.gif",
                    "a/10",
                    "readme.txt",
                ],
                ["a: 1", "b: 1"],
                [
                    "2 files .webp, which are not read, such as a/3.webp",
                    "1 files .bmp",
                    "1 files .jfif",
                    "1 files .jpe",
                    "1 files .tiff",
                    "1 files .gif",
                    "1 files without an extension, which are not read, such as a/10",
                    "1 files .txt",
                ]
            },
            {
                "order",
                ["a-b/1.png", "a/2.png", "a/b/3.png", "B/4.png", "10/5.png", "2/6.png"],
                ["10: 1", "2: 1", "B: 1", "a: 2", "a-b: 1"],
                []
            },
        };

    private string ZipPath => _folder + ".zip";

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        File.Delete(ZipPath);
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Folder_EveryLayout_FindsItsClassesAndSaysWhatItPassesOver(string layout, string[] files, string[] classes, string[] notes)
    {
        foreach (var file in files)
        {
            Write(file, file.EndsWith(".JPG", StringComparison.Ordinal) ? Jpeg : Png(8, 8));
        }
        using var source = new FolderSource(_folder, side: 8, channels: 3);
        Verify(source, layout, classes, notes);
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Zip_EveryLayout_FindsTheSame(string layout, string[] files, string[] classes, string[] notes)
    {
        using var source = new ZipSource(Zip([.. files.Order(StringComparer.Ordinal).Reverse().Select(f => (f, Png(8, 8)))]));
        Verify(source, layout, classes, notes);
    }

    [Fact]
    public void Folder_LinksAndFoldersWithoutImages_AreSaid()
    {
        Write("cat/1.png", Png(8, 8));
        Write("dog/2.webp", [1]);
        Directory.CreateDirectory(Path.Combine(_folder, "owl"));
        File.CreateSymbolicLink(Path.Combine(_folder, "cat", "2.png"), "1.png");
        Directory.CreateSymbolicLink(Path.Combine(_folder, "fox"), "/usr");
        using var source = new FolderSource(_folder);
        Assert.Equal(["cat"], source.Folders);
        Assert.Equal(1, source.Count);
        var notes = source.Notes.Select(n => n.ToString()).ToList();
        Assert.Contains("2 symbolic links, which are not followed, such as cat/2.png", notes);
        Assert.Contains("2 folders without an image, such as dog/", notes);
        Assert.Contains("1 files .webp, which are not read, such as dog/2.webp", notes);
    }

    [Fact]
    public void Folder_NoImageButOthers_SaysWhichItHolds()
    {
        Write("cat/1.webp", [1]);
        Assert.Contains(
            "1 files .webp, which are not read, such as cat/1.webp",
            Assert.Throws<InvalidDataException>(() => new FolderSource(_folder)).Message
        );
        Assert.Contains(".webp", Assert.Throws<InvalidDataException>(() => new ZipSource(Zip([("cat/1.webp", [1])]))).Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("pets/")]
    public void Zip_LabelsAtTheTopOrOneFolderDown_AreUnderstood(string outer)
    {
        var json = """{"labels": [["train/1.png", 1], ["val/2.png", 0]]}"""u8.ToArray();
        using var source = new ZipSource(
            Zip([
                ($"{outer}dataset.json", json),
                ($"{outer}train/1.png", Png(8, 8)),
                ($"{outer}val/2.png", Png(8, 8)),
                ("__MACOSX/dataset.json", [1]),
                ("__MACOSX/3.png", [1]),
            ])
        );
        Assert.Equal((2, 2), (source.Count, source.Classes));
        Assert.Equal([1, 0], Enumerable.Range(0, 2).Select(i => source.Read(i, new byte[source.ImageBytes])));
        Assert.Empty(source.Notes);
    }

    [Fact]
    public void Zip_LabelsOneFolderDownAndImagesBeside_SaysSo()
    {
        using var source = new ZipSource(
            Zip([("a/dataset.json", """{"labels": [["1.png", 0]]}"""u8.ToArray()), ("a/1.png", Png(8, 8)), ("2.png", Png(8, 8))])
        );
        Assert.Equal((1, 1), (source.Count, source.Classes));
        Assert.Contains("1 images beside the folder a/ of dataset.json, such as 2.png", source.Notes.Select(n => n.ToString()));
        var two = Zip([("a/dataset.json", "{}"u8.ToArray()), ("b/dataset.json", "{}"u8.ToArray()), ("a/1.png", Png(8, 8))]);
        Assert.Contains("2 folders have a dataset.json", Assert.Throws<InvalidDataException>(() => new ZipSource(two)).Message);
    }

    [Fact]
    public void Zip_NumberedFoldersOfEdm_AreNoClasses()
    {
        using var source = new ZipSource(Zip([("00000/img00000000.png", Png(8, 8)), ("00001/img00001000.png", Png(8, 8))]));
        Assert.Equal((2, 0), (source.Count, source.Classes));
    }

    [Fact]
    public void Size_IsThatOfMostImagesNotOfTheFirst()
    {
        (string, byte[])[] files = [("0.png", Png(4, 4)), .. Enumerable.Range(1, 5).Select(i => ($"{i}.png", Png(16, 16)))];
        foreach (var (name, content) in files)
        {
            Write(name, content);
        }
        using var source = new FolderSource(_folder);
        Assert.Equal(16, source.Side);
        using var zip = new ZipSource(Zip(files));
        Assert.Equal(16, zip.Side);
        Assert.Contains("it has 4x4", Assert.Throws<CorruptRecordException>(() => zip.Read(0, new byte[zip.ImageBytes])).Message);
    }

    [Fact]
    public void Size_OfNoMajority_MustBeStated()
    {
        foreach (var side in new[] { 4, 8, 16 })
        {
            Write($"{side}.png", Png(side, side));
        }
        var error = Assert.Throws<InvalidDataException>(() => new FolderSource(_folder)).Message;
        Assert.Contains("3 sizes", error);
        Assert.Contains("state the side", error);
        using var source = new FolderSource(_folder, side: 8);
        Assert.Equal(8, source.Side);
    }

    [Fact]
    public void Channels_AreThoseOfTheColouredOnes()
    {
        Write("0.png", new Raster(8, 8, 1, new byte[64]).ToPng());
        Write("1.png", Png(8, 8));
        using var source = new FolderSource(_folder);
        Assert.Equal(3, source.Channels);
        source.Read(0, new byte[192], out var changes);
        Assert.Equal(PixelChanges.GreyRepeated, changes);
    }

    [Fact]
    public void Check_EveryChangeOfPixels_IsAnnouncedWithItsCount()
    {
        Write("0.png", Png(64, 64));
        Write("1.png", Png(400, 4));
        Write("2.png", Png(64, 90));
        Write("3.png", Png(128, 128));
        Write("4.png", new Raster(64, 64, 1, new byte[64 * 64]).ToPng());
        var png = PngChunks(
            Png(64, 64),
            "eXIf",
            [(byte)'M', (byte)'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0]
        );
        Write("5.png", png);
        var (report, _) = DatasetCheck.Run(
            new FolderSpec { Side = 64, Channels = 3 },
            _folder,
            skip: false,
            _ => { },
            TestContext.Current.CancellationToken
        );
        Assert.Equal(
            [
                "1 images turned as their EXIF orientation says, such as 5.png",
                "1 grey images repeated in three channels, such as 4.png",
                "2 images that are no squares and were cropped to the middle, such as 1.png",
                "1 images shrunk to 64x64, such as 3.png",
                "1 smaller images enlarged to 64x64, such as 1.png",
                "6 images in all: a larger batch shows some of them twice, and so few are soon learned by heart",
            ],
            report.Notes.Select(n => n.ToString())
        );
    }

    [Fact]
    public void Check_Preview_ShowsWhatIsTrained()
    {
        // the left half dark, the right bright; its EXIF orientation turns it by 90 degrees: the top dark
        var pixels = new byte[8 * 8];
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (byte)(i % 8 < 4 ? 10 : 240);
        }
        Write(
            "1.png",
            PngChunks(
                new Raster(8, 8, 1, pixels).ToPng(),
                "eXIf",
                [(byte)'M', (byte)'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0]
            )
        );
        var (_, samples) = DatasetCheck.Run(new FolderSpec(), _folder, skip: false, _ => { }, TestContext.Current.CancellationToken);
        using var source = new FolderSource(_folder);
        var trained = new byte[64];
        source.Read(0, trained);
        Assert.Equal(trained, ImageDecoder.Decode(samples).Pixels);
        Assert.All(trained.Take(32), p => Assert.Equal(10, p));
        Assert.All(trained.Skip(32), p => Assert.Equal(240, p));
    }

    private static void Verify(ImageSource source, string layout, string[] classes, string[] notes)
    {
        var labels = Enumerable.Range(0, source.Count).Select(i => source.Read(i, new byte[source.ImageBytes])).ToList();
        var found = labels.GroupBy(l => l).OrderBy(g => g.Key).Select(g => $"{(g.Key < 0 ? "" : source.ClassNames[g.Key])}: {g.Count()}");
        Assert.True(classes.SequenceEqual(found), $"{layout}: {string.Join(", ", found)}");
        var said = source.Notes.Select(n => n.ToString()).ToList();
        foreach (var note in notes)
        {
            Assert.Contains(said, s => s.StartsWith(note, StringComparison.Ordinal));
        }
        Assert.Equal(notes.Length, said.Count);
    }

    private static byte[] Png(int width, int height) =>
        new Raster(width, height, 3, [.. Enumerable.Range(0, width * height * 3).Select(i => (byte)i)]).ToPng();

    private static byte[] Jpeg => Convert.FromBase64String((string)Imaging.ImageDecoderTests.Jpegs.First().Data.Item3);

    // A chunk more before the pixels.
    private static byte[] PngChunks(byte[] png, string type, byte[] data)
    {
        var chunks = Imaging.PngFile.Chunks(png);
        return Imaging.PngFile.Of([chunks[0], (type, data), .. chunks.Skip(1)]);
    }

    private void Write(string name, byte[] content)
    {
        var path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
    }

    private string Zip((string Name, byte[] Content)[] files)
    {
        File.Delete(ZipPath);
        using var zip = ZipFile.Open(ZipPath, ZipArchiveMode.Create);
        foreach (var (name, content) in files)
        {
            using var entry = zip.CreateEntry(name).Open();
            entry.Write(content);
        }

        return ZipPath;
    }
}
