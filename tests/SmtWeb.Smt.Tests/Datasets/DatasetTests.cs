using System.IO.Compression;
using SmtWeb.Data.Batches;
using SmtWeb.Data.Formats;
using SmtWeb.Smt.Tests.Golden;

namespace SmtWeb.Smt.Tests.Datasets;

public sealed class DatasetTests
{
    public static TheoryData<string> IdxCases => GoldenCase.OfKind("data_idx");

    [Theory]
    [MemberData(nameof(IdxCases))]
    public void Load_GoldenCase_GivesItsImagesAndLabels(string id)
    {
        var golden = GoldenCase.Load(id);
        golden.Expect("images_u8").Verify(IdxFile.Read(golden.AuxiliaryFile("images"), 3).Data);
        var data = FashionMnist.Load(golden.AuxiliaryFile("images"), golden.AuxiliaryFile("labels"));
        golden.Expect("padded32_u8").Verify(data.Images);
        golden.Expect("labels").Verify(Array.ConvertAll(data.Labels, l => (long)l));
    }

    [Fact]
    public void Load_InstalledFashionMnist_HasSixThousandOfEachClass()
    {
        Assert.SkipUnless(Directory.Exists(FashionMnist.DefaultFolder), "The Debian package dataset-fashion-mnist is not installed.");
        var data = FashionMnist.Load();
        Assert.Equal(60_000, data.Count);
        Assert.All(data.Labels.GroupBy(l => l), g => Assert.Equal(6000, g.Count()));
        Assert.Equal(60_000 * 32 * 32, data.Images.Length);
    }

    [Fact]
    public void Load_MissingFolder_NamesThePackageAndTheVariable()
    {
        var message = Assert.Throws<FileNotFoundException>(() => FashionMnist.Load(folder: "/nowhere")).Message;
        Assert.Contains("dataset-fashion-mnist", message);
        Assert.Contains(FashionMnist.FolderVariable, message);
    }

    [Theory]
    [InlineData("", "inside the IDX header")]
    [InlineData("00000803", "inside the IDX header")]
    [InlineData("00000801000000020102030405060708", "begins with 0x00000801")]
    [InlineData("00000803000000010000000200000002AABBCC", "only 3 bytes")]
    [InlineData("00000803000000010000000200000001AABBCC", "more than 2 bytes")]
    [InlineData("00000803FFFFFFFFFFFFFFFFFFFFFFFF", "dimension 0 at byte 4")]
    public void Read_MalformedIdx_NamesFileAndPlace(string hex, string message)
    {
        foreach (var zipped in new[] { false, true })
        {
            var path = TemporaryFile(Convert.FromHexString(hex), zipped);
            var error = Assert.Throws<InvalidDataException>(() => IdxFile.Read(path, 3));
            Assert.StartsWith(path, error.Message);
            Assert.Contains(message, error.Message);
            File.Delete(path);
        }
    }

    [Fact]
    public void Read_DamagedGzip_IsInvalidData()
    {
        var path = TemporaryFile([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0xFF, 0xFF, 0xFF, 0xFF], zipped: false);
        Assert.StartsWith(path, Assert.Throws<InvalidDataException>(() => IdxFile.Read(path, 3)).Message);
        File.Delete(path);
    }

    [Fact]
    public void Load_LabelOutOfRange_NamesItsIndex()
    {
        var images = TemporaryFile([.. Convert.FromHexString("00000803000000020000001C0000001C"), .. new byte[2 * 28 * 28]], zipped: true);
        var labels = TemporaryFile(Convert.FromHexString("0000080100000002030A"), zipped: true);
        Assert.Contains("label 1 is 10", Assert.Throws<InvalidDataException>(() => FashionMnist.Load(images, labels)).Message);
        File.Delete(images);
        File.Delete(labels);
    }

    [Fact]
    public void SwissRoll_WithoutNoise_LiesOnTheSpiral()
    {
        var points = new float[6];
        SwissRoll.Fill([0, 0.5, 1], new double[6], 0.25, points);
        for (var i = 0; i < 3; i++)
        {
            var t = 1.5 * Math.PI * (1 + i);
            Assert.Equal(t * Math.Cos(t) / 7.5, points[2 * i], 5);
            Assert.Equal(t * Math.Sin(t) / 7.5, points[(2 * i) + 1], 5);
        }
    }

    [Fact]
    public void Xoshiro_KnownState_GivesThePublishedSequence()
    {
        // First outputs of the reference generator from the state 1, 2, 3, 4.
        var random = new HostRandom(0) { State = [1, 2, 3, 4] };
        Assert.Equal([11520UL, 0UL, 1509978240UL, 1215971899390074240UL], Enumerable.Range(0, 4).Select(_ => random.NextBits()));
    }

    [Fact]
    public void NextNormal_ManyDraws_HaveUnitVariance()
    {
        var random = new HostRandom(9);
        var draws = Enumerable.Range(0, 100_000).Select(_ => random.NextNormal()).ToList();
        Assert.InRange(draws.Average(), -0.02, 0.02);
        Assert.InRange(draws.Average(d => d * d), 0.97, 1.03);
    }

    [Fact]
    public void Next_TwoEpochs_ShowEveryRecordOnceEachInAnotherOrder()
    {
        var sampler = new EpochSampler(100, seed: 7);
        var seen = new int[200];
        sampler.Next(seen.AsSpan(0, 70), new bool[70]);
        sampler.Next(seen.AsSpan(70), new bool[130]);
        Assert.Equal(Enumerable.Range(0, 100), seen.Take(100).Order());
        Assert.Equal(Enumerable.Range(0, 100), seen.Skip(100).Order());
        Assert.NotEqual(seen.Take(100), seen.Skip(100));
        Assert.Equal(2, sampler.Epoch);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(33)]
    [InlineData(100)]
    [InlineData(257)]
    public void State_Restored_GoesOnBitForBit(int drawnBefore)
    {
        var first = new EpochSampler(100, seed: 7);
        first.Next(new int[drawnBefore], new bool[drawnBefore]);
        var second = new EpochSampler(100, seed: 999) { State = first.State };
        var (a, b) = (new int[150], new int[150]);
        var (af, bf) = (new bool[150], new bool[150]);
        first.Next(a, af);
        second.Next(b, bf);
        Assert.Equal(a, b);
        Assert.Equal(af, bf);
        Assert.Contains(true, af);
        Assert.Contains(false, af);
    }

    [Fact]
    public void State_OfAnotherDataset_IsRefused()
    {
        var big = new EpochSampler(100, seed: 7);
        big.Next(new int[60], new bool[60]);
        var state = big.State;
        Assert.Throws<ArgumentException>(() => new EpochSampler(50, seed: 7) { State = state });
    }

    private static string TemporaryFile(byte[] content, bool zipped)
    {
        var path = Path.GetTempFileName();
        if (zipped)
        {
            using var file = File.Create(path);
            using var gzip = new GZipStream(file, CompressionLevel.Fastest);
            gzip.Write(content);
        }
        else
        {
            File.WriteAllBytes(path, content);
        }

        return path;
    }
}
