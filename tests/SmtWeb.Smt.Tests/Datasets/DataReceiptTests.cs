using SmtWeb.Data.Formats;

namespace SmtWeb.Smt.Tests.Datasets;

/// <summary>What ties a run to its data: the content decides, and unchanged files are not read again.</summary>
public sealed class DataReceiptTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("smtweb-receipts-").FullName;
    private readonly FolderSpec _spec = new() { Side = 8, Channels = 1 };

    public DataReceiptTests()
    {
        for (var k = 0; k < 6; k++)
        {
            Write($"{(k < 3 ? "cat" : "dog")}/{k}.png", k);
        }
    }

    private string Data => Path.Combine(_root, "data");

    private string Cache => Path.Combine(_root, "cache");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Obtain_UnchangedFiles_AreNotReadAgain()
    {
        var (first, read) = Obtain(_spec);
        Assert.True(read);
        Assert.Equal((first, false), Obtain(_spec));
        Assert.Equal((first, false), Obtain(_spec with { SkipCorrupt = true, Source = "other words for it" }));
        Assert.True(Obtain(_spec with { Side = 4 }).Read); // other pixels
        Assert.Equal(64, first.Sha256.Length);
        Assert.Equal((6, 0), (first.Records, first.CorruptCount));
    }

    [Fact]
    public void Check_Beforehand_ServesTheRun()
    {
        var (report, _) = DatasetCheck.Run(new FolderSpec(), Data, skip: false, _ => { }, Ct, Cache);
        var (receipt, read) = Obtain(_spec);
        Assert.False(read);
        Assert.Equal((report.Sha256, report.ImagesSha256, report.Bytes), (receipt.Sha256, receipt.ImagesSha256, receipt.Bytes));
    }

    [Fact]
    public void Obtain_TouchedFiles_AreReadAgainAndAreTheSame()
    {
        var (first, _) = Obtain(_spec);
        File.SetLastWriteTimeUtc(Path.Combine(Data, "cat", "1.png"), DateTime.UtcNow.AddDays(-3));
        Assert.Equal((first, true), Obtain(_spec));
    }

    [Theory]
    [InlineData("note")] // beside the images: other files, the same images
    [InlineData("delete")]
    [InlineData("pixel")]
    [InlineData("move")]
    public void Obtain_AfterAChange_TellsWhetherTheImagesAreTheSame(string change)
    {
        var (first, _) = Obtain(_spec);
        var cat = Path.Combine(Data, "cat", "1.png");
        switch (change)
        {
            case "note":
                File.WriteAllText(Path.Combine(Data, "README.txt"), "pictures");
                break;
            case "delete":
                File.Delete(cat);
                break;
            case "pixel":
                Write("cat/1.png", 77);
                File.SetLastWriteTimeUtc(cat, DateTime.UtcNow.AddDays(1));
                break;
            case "move":
                File.Move(cat, Path.Combine(Data, "dog", "1.png"));
                break;
        }

        var (now, read) = Obtain(_spec);
        Assert.True(read);
        Assert.NotEqual(first.Sha256, now.Sha256);
        Assert.Equal(change == "note", first.IsOfTheSameImages(now));
    }

    [Fact]
    public void Obtain_CorruptRecords_AreRememberedOnlyForThoseWhoSkipThem()
    {
        File.WriteAllBytes(Path.Combine(Data, "dog", "4.png"), File.ReadAllBytes(Path.Combine(Data, "dog", "4.png"))[..30]);
        Assert.Contains("dog/4.png", Assert.Throws<CorruptRecordException>(() => Obtain(_spec)).Message);
        var (skipping, read) = Obtain(_spec with { SkipCorrupt = true });
        Assert.Equal((6, 1, true), (skipping.Records, skipping.CorruptCount, read));
        Assert.Equal((skipping, false), Obtain(_spec with { SkipCorrupt = true }));
        Assert.Throws<CorruptRecordException>(() => Obtain(_spec));
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(4, 5)]
    public void ImagesSha256_OfACorruptRecord_IsOfTheNextInItsPlace(int corrupt, int next)
    {
        File.WriteAllBytes(FileOf(corrupt), [1, 2, 3]);
        var (skipping, _) = Obtain(_spec with { SkipCorrupt = true });
        File.Copy(FileOf(next), FileOf(corrupt), overwrite: true);
        Assert.Equal(Obtain(_spec).Receipt.ImagesSha256, skipping.ImagesSha256);
    }

    [Fact]
    public void ImagesSha256_OfACorruptLastRecord_TakesTheFirst()
    {
        foreach (var k in new[] { 3, 4, 5 })
        {
            File.Delete(FileOf(k));
        }
        File.WriteAllBytes(FileOf(2), [1, 2, 3]);
        var (skipping, _) = Obtain(_spec with { SkipCorrupt = true });
        File.Copy(FileOf(0), FileOf(2), overwrite: true);
        Assert.Equal(Obtain(_spec).Receipt.ImagesSha256, skipping.ImagesSha256);
    }

    private string FileOf(int k) => Path.Combine(Data, k < 3 ? "cat" : "dog", $"{k}.png");

    private void Write(string name, int record)
    {
        var path = Path.Combine(Data, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, DataFixture.Picture(8, 1, 1, record).ToPng());
    }

    private (DataReceipt Receipt, bool Read) Obtain(FolderSpec of)
    {
        var read = false;
        using var source = ImageSources.OpenAt(of, Data);
        return (DataReceipts.Obtain(of, source, Cache, null, Ct, () => read = true), read);
    }
}
