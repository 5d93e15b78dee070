using SmtWeb.Measures.Statistics;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>Reference statistics as numpy wrote them.</summary>
[Trait("Category", "Golden")]
public sealed class ReferenceStatisticsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("smtweb-stats-").FullName;

    public static TheoryData<string> Cases => GoldenCase.OfKind("data_fid_ref");

    public void Dispose() => Directory.Delete(_folder, true);

    [Theory]
    [MemberData(nameof(Cases))]
    public void ReadNpz_GoldenCase_GivesItsNumbersAndRoundTrips(string id)
    {
        var golden = GoldenCase.Load(id);
        foreach (var role in new[] { "npz", "npz_compressed" })
        {
            var read = ReferenceStatistics.ReadNpz(golden.AuxiliaryFile(role));
            golden.Expect("mu").Verify(read.Mean);
            golden.Expect("sigma").Verify(read.Covariance);

            var copy = Path.Combine(_folder, "copy.npz");
            var origin = new StatisticsOrigin("cifar10", "ab", 50_000, "inception-2015-12-05", "cd", "tf1");
            (read with { Origin = origin }).WriteNpz(copy);
            var again = ReferenceStatistics.ReadNpz(copy);
            Assert.Equal(read.Mean, again.Mean);
            Assert.Equal(read.Covariance, again.Covariance);
            Assert.Equal(read.Hash, again.Hash);
            Assert.Equal(origin, again.Origin);
            Assert.Equal([copy], Directory.GetFiles(_folder));
        }

        var rounded = ReferenceStatistics.ReadNpz(golden.AuxiliaryFile("npz_f32_fortran"));
        var exact = ReferenceStatistics.ReadNpz(golden.AuxiliaryFile("npz"));
        Assert.Equal(exact.Mean.Select(v => (double)(float)v), rounded.Mean);
        Assert.Equal(exact.Covariance.Select(v => (double)(float)v), rounded.Covariance);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void ReadNpz_DamagedFile_SaysWhatIsWrong(string id)
    {
        var bytes = File.ReadAllBytes(GoldenCase.Load(id).AuxiliaryFile("npz"));
        var path = Path.Combine(_folder, "damaged.npz");
        var random = new Random(7);
        for (var round = 0; round < 300; round++)
        {
            var damaged = bytes.AsSpan(0, round % 3 == 0 ? random.Next(bytes.Length) : bytes.Length).ToArray();
            for (var k = 0; k < 4 && damaged.Length > 0; k++)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }
            File.WriteAllBytes(path, damaged);
            try
            {
                _ = ReferenceStatistics.ReadNpz(path);
            }
            catch (InvalidDataException e)
            {
                Assert.Contains(path, e.Message);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void ReadNpz_OneFlippedBit_IsRefusedWhereverItIs(string id)
    {
        var path = Path.Combine(_folder, "flipped.npz");
        foreach (var role in new[] { "npz", "npz_compressed" })
        {
            var golden = GoldenCase.Load(id).AuxiliaryFile(role);
            using var whole = System.IO.Compression.ZipFile.OpenRead(golden);
            var sigma = whole.GetEntry("sigma.npy")!;
            var bytes = File.ReadAllBytes(golden);
            var header = bytes.AsSpan().IndexOf("sigma.npy"u8) + "sigma.npy".Length;
            var data = header + BitConverter.ToUInt16(bytes, header - "sigma.npy".Length - 2);
            for (var at = role == "npz" ? 200 : 20; at < sigma.CompressedLength - 8; at += (int)sigma.CompressedLength / 12)
            {
                bytes[data + at] ^= 1;
                File.WriteAllBytes(path, bytes);
                Assert.Contains(path, Assert.Throws<InvalidDataException>(() => ReferenceStatistics.Read(path)).Message);
                bytes[data + at] ^= 1;
            }

            File.WriteAllBytes(path, bytes);
            Assert.Equal(ReferenceStatistics.Read(golden).Hash, ReferenceStatistics.Read(path).Hash);
        }
    }

    [Theory]
    [InlineData(new double[] { -2, -1, -1, -2 }, "variance of feature 0 is -2")]
    [InlineData(new double[] { 2, 1, 1.5, 2 }, "not symmetric")]
    [InlineData(new double[] { 1, 3, 3, 1 }, "eigenvalue -2")]
    [InlineData(new double[] { 1, double.NaN, double.NaN, 1 }, "NaN")]
    public void Read_NoCovariance_IsRefusedByFileAndReason(double[] sigma, string reason)
    {
        var path = Path.Combine(_folder, "wrong.npz");
        new ReferenceStatistics([0, 0], sigma, null).WriteNpz(path);
        var error = Assert.Throws<InvalidDataException>(() => ReferenceStatistics.Read(path));
        Assert.Contains(path, error.Message);
        Assert.Contains(reason, error.Message);
    }

    [Fact]
    public void Read_DeficientCovariance_IsRead()
    {
        // fewer images than dimensions, rounded to float32: an eigenvalue of a little less than 0 is no damage
        var path = Path.Combine(_folder, "deficient.npz");
        var v = Enumerable.Range(1, 40).Select(k => Math.Sin(k)).ToArray();
        new ReferenceStatistics(new double[40], [.. from a in v from b in v select (double)(float)(a * b)], null).WriteNpz(path);
        Assert.Equal(40, ReferenceStatistics.Read(path).Dimension);
        new ReferenceStatistics([0, 0], [0, 0, 0, 0], null).WriteNpz(path);
        Assert.Equal(2, ReferenceStatistics.Read(path).Dimension);
    }

    [Theory]
    [InlineData("{'descr': '<f8', 'fortran_order': False, 'shape': (8192, 8193), }", "elements")]
    [InlineData("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "'|O'")]
    [InlineData("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2,), }", "header")]
    [InlineData("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", "cut off")]
    public void Read_UnusableArray_SaysWhatIsWrong(string header, string part)
    {
        byte[] file = [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. System.Text.Encoding.ASCII.GetBytes(header)];
        Assert.Contains(part, Assert.Throws<InvalidDataException>(() => NpyArray.Read(new MemoryStream(file), "mu")).Message);
    }
}
