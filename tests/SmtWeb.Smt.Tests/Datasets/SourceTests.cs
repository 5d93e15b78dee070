using System.IO.Compression;
using System.Text;
using SmtWeb.Data.Batches;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;
using SmtWeb.Smt.Tests.Files;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Datasets;

/// <summary>Readers of data sets: what they name when a file is damaged, and what hostile files cannot do.</summary>
public sealed partial class SourceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("smtweb-data-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Cifar10_LabelOutOfRange_NamesFileAndRecord()
    {
        var path = Write("data_batch_2.bin", [.. Record(3), .. Record(11), .. Record(9)]);
        using var source = Cifar10.Open(path);
        Assert.Equal(3, source.Count);
        Assert.Equal(3, source.Read(0, new byte[3072]));
        var error = Assert.Throws<CorruptRecordException>(() => source.Read(1, new byte[3072]));
        Assert.Equal(1, error.Index);
        Assert.Contains("data_batch_2.bin, record 1", error.Message);
        Assert.Contains("label is 11", error.Message);
        Assert.Equal(9, source.Read(2, new byte[3072]));
    }

    [Fact]
    public void Cifar10_CutShort_LosesOnlyTheLastRecord()
    {
        var path = Write("data_batch_1.bin", [.. Record(3), .. Record(4)[..^10]]);
        using var source = Cifar10.Open(path);
        Assert.Equal(3, source.Read(0, new byte[3072]));
        Assert.Contains("10 bytes early", Assert.Throws<CorruptRecordException>(() => source.Read(1, new byte[3072])).Message);
    }

    [Fact]
    public void Cifar10_PythonBatchOfRealSize_ReadsItsPixelsAsBytes()
    {
        // As Python 2 wrote it, by hand: the pixels are one BINSTRING, longer than any text.
        const int records = 40;
        var pixels = Pixels(records * 3072, 1);
        using var pickle = new MemoryStream();
        void Put(params byte[] bytes) => pickle.Write(bytes);
        void Text(string text) => Put([(byte)'U', (byte)text.Length, .. Encoding.ASCII.GetBytes(text)]);
        void Global(string module, string name) => Put([(byte)'c', .. Encoding.ASCII.GetBytes($"{module}\n{name}\n")]);
        Put(0x80, 2, (byte)'}', (byte)'(');
        Text("data");
        Global("numpy.core.multiarray", "_reconstruct");
        Put((byte)'(');
        Global("numpy", "ndarray");
        Put((byte)'K', 0, 0x85);
        Text("b");
        Put((byte)'t', (byte)'R', (byte)'(', (byte)'K', 1, (byte)'K', records, (byte)'M', 0, 12, 0x86);
        Global("numpy", "dtype");
        Text("u1");
        Put((byte)'K', 0, (byte)'K', 1, 0x87, (byte)'R', (byte)'(', (byte)'K', 3);
        Text("|");
        Put(
            (byte)'N',
            (byte)'N',
            (byte)'N',
            (byte)'J',
            0xFF,
            0xFF,
            0xFF,
            0xFF,
            (byte)'J',
            0xFF,
            0xFF,
            0xFF,
            0xFF,
            (byte)'K',
            0,
            (byte)'t',
            (byte)'b',
            0x89,
            (byte)'T'
        );
        Put(BitConverter.GetBytes(pixels.Length));
        Put(pixels);
        Put((byte)'t', (byte)'b');
        Text("labels");
        Put((byte)']', (byte)'(');
        for (var i = 0; i < records; i++)
        {
            Put((byte)'K', (byte)(i % 10));
        }
        Put((byte)'e', (byte)'u', (byte)'.');

        using var source = Cifar10.Open(Write("data_batch_1", pickle.ToArray()));
        Assert.Equal(records, source.Count);
        var image = new byte[3072];
        Assert.Equal(9, source.Read(39, image));
        Assert.Equal(pixels[^3072..], image);
    }

    [Fact]
    public void Cifar10_PickleThatCalls_IsRefusedByName()
    {
        var path = Write("data_batch_1", Encoding.ASCII.GetBytes("cos\nsystem\n(S'true'\ntR."));
        Assert.Contains("system", Assert.Throws<InvalidDataException>(() => Cifar10.Open(path)).Message);
    }

    [Fact]
    public void Cifar10_NoBatch_SaysWhatWasLookedFor() =>
        Assert.Contains("data_batch_1", Assert.Throws<FileNotFoundException>(() => Cifar10.Open(_folder)).Message);

    [Fact]
    public void Cifar10_ArchiveCutShort_IsInvalidData()
    {
        var whole = Path.Combine(Golden.GoldenCase.Root, "data_cifar10_bin", "cifar-10-binary.tar.gz");
        Assert.SkipUnless(File.Exists(whole), "The golden case data_cifar10_bin is not in this set.");
        var bytes = File.ReadAllBytes(whole);
        var path = Write("cifar-10-binary.tar.gz", bytes[..(bytes.Length / 2)]);
        Assert.StartsWith(path, Assert.Throws<InvalidDataException>(() => Cifar10.Open(path)).Message);
    }

    [Fact]
    public void Tar_HugeSize_IsRefusedBeforeItIsRead()
    {
        var header = new byte[1024];
        "data_batch_1.bin"u8.CopyTo(header);
        "77777777777\0"u8.CopyTo(header.AsSpan(124));
        "ustar"u8.CopyTo(header.AsSpan(257));
        Encoding.ASCII.GetBytes(Convert.ToString(header.Take(512).Sum(b => b) + (8 * ' '), 8).PadLeft(6, '0') + "\0 ").CopyTo(header, 148);
        var path = Write("cifar-10.tar", header);
        Assert.Contains("larger than", Assert.Throws<InvalidDataException>(() => Cifar10.Open(path)).Message);
    }

    [Fact]
    public void Lmdb_CutShort_IsRefusedBeforeItIsMapped()
    {
        var path = Path.Combine(_folder, "lmdb");
        LmdbWriter.Write(path, 3, 8, [.. Enumerable.Range(0, 40).Select(i => (Pixels(192, i), (long)i))]);
        using (var source = new LmdbSource(path))
        {
            Assert.Equal(39, source.Read(39, new byte[192]));
        }
        var file = Path.Combine(path, "data.mdb");
        using (var stream = File.OpenWrite(file))
        {
            stream.SetLength(stream.Length - 4096);
        }
        Assert.Contains("is cut short", Assert.Throws<InvalidDataException>(() => new LmdbSource(path)).Message);
        File.WriteAllBytes(file, new byte[20_000]);
        Assert.Contains("is no LMDB", Assert.Throws<InvalidDataException>(() => new LmdbSource(path)).Message);
        Assert.Contains("data.mdb", Assert.Throws<FileNotFoundException>(() => new LmdbSource(_folder)).Message);
    }

    [Fact]
    public void Lmdb_BadRecords_AreNamedOneByOne()
    {
        var path = Path.Combine(_folder, "lmdb");
        LmdbWriter.Write(path, 3, 8, [(Pixels(192, 0), 5), (Pixels(190, 1), 5), (Pixels(192, 2), 1000)], "4 3 8 8");
        Assert.Contains("labels_shape says 3", Assert.Throws<InvalidDataException>(() => new LmdbSource(path)).Message);
        Directory.Delete(path, true);
        LmdbWriter.Write(path, 3, 8, [(Pixels(192, 0), 5), (Pixels(190, 1), 5), (Pixels(192, 2), 1000)]);
        using var source = new LmdbSource(path);
        Assert.Equal(5, source.Read(0, new byte[192]));
        Assert.Contains("images_1_data", Assert.Throws<CorruptRecordException>(() => source.Read(1, new byte[192])).Message);
        Assert.Contains("label is 1000", Assert.Throws<CorruptRecordException>(() => source.Read(2, new byte[192])).Message);
    }

    [Theory]
    [InlineData(CompressionLevel.NoCompression)]
    [InlineData(CompressionLevel.Optimal)]
    public void Zip_StoredOrDeflated_ReadsAndNamesTheCorruptRecord(CompressionLevel level)
    {
        var path = Zip(
            level,
            ("a/2.png", Png(8, 2)),
            ("a/1.png", Png(8, 1)),
            ("a/3.png", Png(8, 3)[..60]),
            ("a/4.png", Png(4, 4)),
            ("readme.txt", [1])
        );
        using var source = new ZipSource(path);
        Assert.Equal((4, 8, 3, 0), (source.Count, source.Side, source.Channels, source.Classes));
        var pixels = new byte[192];
        Assert.Equal(-1, source.Read(0, pixels));
        Assert.Equal(Planes(8, 1), pixels);
        source.Read(1, pixels);
        Assert.Equal(Planes(8, 2), pixels);
        var error = Assert.Throws<CorruptRecordException>(() => source.Read(2, pixels));
        Assert.Contains("record 2 (a/3.png)", error.Message);
        Assert.Contains("it has 4x4", Assert.Throws<CorruptRecordException>(() => source.Read(3, pixels)).Message);
    }

    [Fact]
    public void ClassCounts_OfEverySource_AreThoseOfItsLabels()
    {
        int[] Read(ImageSource source)
        {
            var pixels = new byte[source.ImageBytes];
            var counts = new int[source.Classes];
            for (var k = 0; k < source.Count; k++)
            {
                counts[source.Read(k, pixels)]++;
            }
            return counts;
        }

        foreach (var spec in DataFixture.All)
        {
            using var source = ImageSources.Open(DataFixture.Make(spec.GetType().Name));
            Assert.Equal(Read(source), source.ClassCounts);
        }

        using var gapped = new ZipSource(
            Zip(
                CompressionLevel.Optimal,
                ("1.png", Png(8, 1)),
                ("2.png", Png(8, 2)),
                ("dataset.json", """{"labels": [["1.png", 1], ["2.png", 3]]}"""u8.ToArray())
            )
        );
        Assert.Equal([0, 1, 0, 1], gapped.ClassCounts);
        using var unlabelled = new ZipSource(Zip(CompressionLevel.Optimal, ("1.png", Png(8, 1))));
        Assert.Null(unlabelled.ClassCounts);
    }

    [Fact]
    public void Check_ClassesWithoutImages_AreNoted()
    {
        var path = Zip(
            CompressionLevel.Optimal,
            ("1.png", Png(8, 1)),
            ("2.png", Png(8, 2)),
            ("dataset.json", """{"labels": [["1.png", 1], ["2.png", 3]]}"""u8.ToArray())
        );
        var report = DatasetCheck
            .Run(new ZipSpec { Source = path }, path, skip: false, _ => { }, TestContext.Current.CancellationToken)
            .Report;
        Assert.Contains(
            report.Notes,
            n => n.ToString().StartsWith("2 of 4 classes without an image", StringComparison.Ordinal) && n.Example == "0"
        );
        path = Zip(
            CompressionLevel.Optimal,
            ("1.png", Png(8, 1)),
            ("2.png", Png(8, 2)),
            ("dataset.json", """{"labels": [["1.png", 1], ["2.png", 0]]}"""u8.ToArray())
        );
        report = DatasetCheck.Run(new ZipSpec { Source = path }, path, skip: false, _ => { }, TestContext.Current.CancellationToken).Report;
        Assert.DoesNotContain(report.Notes, n => n.ToString().Contains("without an image", StringComparison.Ordinal));
    }

    [Fact]
    public void Zip_AFlippedBitThatStillDecodes_IsFoundByItsChecksum()
    {
        // of a stored image and of the labels: PNG has a checksum of its own, JSON and JPEG have none
        var labels = """{"labels": [["1.png", 0], ["2.png", 1]]}"""u8.ToArray();
        var bytes = File.ReadAllBytes(
            Zip(CompressionLevel.NoCompression, ("1.png", Png(8, 1)), ("2.png", Png(8, 2)), ("dataset.json", labels))
        );
        var at = bytes.AsSpan().IndexOf("\"1.png\", 0"u8) + "\"1.png\", ".Length;
        bytes[at] ^= 1;
        var error = Assert.Throws<InvalidDataException>(() => new ZipSource(Write("m.zip", bytes)));
        Assert.Contains("dataset.json cannot be read: its checksum", error.Message);

        bytes[at] ^= 1;
        using var whole = new ZipSource(Write("m.zip", bytes));
        whole.Read(0, new byte[192]);
        var image = bytes.AsSpan().IndexOf(Png(8, 2));
        bytes[image + 40] ^= 1;
        using var damaged = new ZipSource(Write("n.zip", bytes));
        damaged.Read(0, new byte[192]);
        Assert.Contains("record 1 (2.png)", Assert.Throws<CorruptRecordException>(() => damaged.Read(1, new byte[192])).Message);
    }

    [Theory]
    [InlineData("""{"labels": [["1.png", 0]]}""", "no label for 2.png")]
    [InlineData("""{"labels": [["1.png", 0], ["2.png", -1]]}""", "class of 2.png is -1")]
    [InlineData("""{"labels": [["1.png", 0], ["2.png", [0, 1]]]}""", "vectors")]
    [InlineData("""{"labels": 3}""", "neither null nor a list")]
    [InlineData("""{"labels": [["1.png", """, "is not {")]
    public void Zip_BadLabels_AreExplained(string json, string message)
    {
        var path = Zip(
            CompressionLevel.Optimal,
            ("1.png", Png(8, 1)),
            ("2.png", Png(8, 2)),
            ("dataset.json", Encoding.UTF8.GetBytes(json))
        );
        Assert.Contains(message, Assert.Throws<InvalidDataException>(() => new ZipSource(path)).Message);
    }

    [Fact]
    public void Zip_ThousandsOfDamagedVariants_NeverCrashOrHang()
    {
        var good = File.ReadAllBytes(
            Zip(
                CompressionLevel.Optimal,
                ("1.png", Png(8, 1)),
                ("2.png", Png(8, 2)),
                ("dataset.json", """{"labels": [["1.png", 0], ["2.png", 1]]}"""u8.ToArray())
            )
        );
        var random = new HostRandom(7);
        var refused = 0;
        for (var i = 0; i < 800; i++)
        {
            var bytes = good.ToArray();
            for (var k = random.NextInt(3); k >= 0; k--)
            {
                bytes[random.NextInt(bytes.Length)] = (byte)random.NextInt(256);
            }
            var path = Write("m.zip", i % 5 == 0 ? bytes[..random.NextInt(bytes.Length)] : bytes);
            try
            {
                using var source = new ZipSource(path);
                for (var r = 0; r < source.Count; r++)
                {
                    source.Read(r, new byte[source.ImageBytes]);
                }
            }
            catch (Exception e) when (e is InvalidDataException or CorruptRecordException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 200, 800);
    }

    private static byte[] Record(byte label) => [label, .. Pixels(3072, label)];

    private static byte[] Pixels(int count, int seed) => [.. Enumerable.Range(0, count).Select(i => (byte)((i * 7) + seed))];

    private static byte[] Png(int side, int seed) => new Raster(side, side, 3, Pixels(side * side * 3, seed)).ToPng();

    private static byte[] Planes(int side, int seed) =>
        [
            .. Enumerable
                .Range(0, 3)
                .SelectMany(c => Enumerable.Range(0, side * side).Select(k => Pixels(side * side * 3, seed)[(k * 3) + c])),
        ];

    private string Write(string name, byte[] content)
    {
        var path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return path;
    }

    private string Zip(CompressionLevel level, params (string Name, byte[] Content)[] files)
    {
        var path = Path.Combine(_folder, "data.zip");
        File.Delete(path);
        using var zip = ZipFile.Open(path, ZipArchiveMode.Create);
        foreach (var (name, content) in files)
        {
            using var entry = zip.CreateEntry(name, level).Open();
            entry.Write(content);
        }

        return path;
    }
}
