using System.Security.Cryptography;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Weights;
using SmtWeb.Measures;
using SmtWeb.Measures.Inception;
using SmtWeb.Measures.Statistics;
using SmtWeb.Smt.Tests.Datasets;
using SmtWeb.Smt.Tests.Golden;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Metrics;

/// <summary>The index of nearest training images: right, streamed, gone on with, shared, and kept under what it depends on.</summary>
public sealed class NeighbourIndexTests : TensorTest
{
    private readonly string _cache = Directory.CreateTempSubdirectory("smtweb-neighbours-").FullName;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(nameof(Cifar10Spec))]
    [InlineData(nameof(ImageNet64Spec))]
    [InlineData(nameof(ZipSpec))]
    [InlineData(nameof(FolderSpec))]
    [InlineData(nameof(IdxSpec))]
    public void Write_EveryKindOfData_FindsWhatBruteForceFinds(string kind)
    {
        using var images = EvaluationImages.Of(DataFixture.Make(kind), _cache);
        using var network = new MeanColours();
        using var index = NeighbourIndex.Open(NeighbourIndexWriter.Write(images, network, _cache, ct: Ct));
        var features = DatasetStatistics.Features(images, network, [.. Enumerable.Range(0, images.Count)], ct: Ct);
        Assert.Equal(
            (images.Count, network.Dimension, network.Hash, "none"),
            (index.Count, index.Dimension, index.NetworkHash, index.Resize)
        );
        for (var k = 0; k < images.Count; k += 5)
        {
            var expected = Enumerable
                .Range(0, images.Count)
                .Select(j => (Index: j, Distance: Distance(k, j)))
                .OrderBy(n => n.Distance)
                .ThenBy(n => n.Index)
                .Take(4)
                .ToList();
            var found = index.Nearest(Row(k), 4, Ct);
            Assert.Equal(0, found[0].Distance);
            Assert.Equal(expected.Select(n => n.Distance), found.Select(n => n.Distance), (a, b) => Math.Abs(a - b) < 1e-4);
        }

        var real = Enumerable
            .Range(0, images.Count)
            .Select(k => Enumerable.Range(0, images.Count).Where(j => j != k).Min(j => Distance(k, j)))
            .Order()
            .ToList();
        Assert.Equal(real, index.RealDistances.Select(d => (double)d), (a, b) => Math.Abs(a - b) < 1e-4);

        ReadOnlySpan<float> Row(int k) => features.Values.AsSpan(k * network.Dimension, network.Dimension);
        double Distance(int a, int b)
        {
            var sum = 0.0;
            for (var d = 0; d < network.Dimension; d++)
            {
                sum += Math.Pow(features.Values[(a * network.Dimension) + d] - features.Values[(b * network.Dimension) + d], 2);
            }
            return Math.Sqrt(sum);
        }
    }

    [Fact]
    public void Write_InterruptedAndOtherNetwork_GoesOnAndIsKeptApart()
    {
        using var images = EvaluationImages.Of(DataFixture.Make(nameof(Cifar10Spec)), _cache);
        using var network = new MeanColours { StopAfter = 0 };
        Assert.Throws<IOException>(() => NeighbourIndexWriter.Write(images, network, _cache, ct: Ct));
        network.StopAfter = int.MaxValue;
        var path = NeighbourIndexWriter.Write(images, network, _cache, ct: Ct);
        var whole = File.ReadAllBytes(path);
        // an interrupted measuring: the first seven vectors and a piece of the eighth
        var begin = whole.Length - (sizeof(float) * ((images.Count * network.Dimension) + images.Count));
        File.Move(path, path + ".part");
        using (var part = File.OpenWrite(path + ".part"))
        {
            part.SetLength(begin + (7 * network.Dimension * sizeof(float)) + 5);
        }
        network.Measured = 0;
        var steps = new List<MeasureProgress>();
        Assert.Equal(path, NeighbourIndexWriter.Write(images, network, _cache, steps.Add, Ct));
        Assert.Equal(images.Count - 7, network.Measured);
        Assert.Equal(whole, File.ReadAllBytes(path));
        Assert.All(steps, s => Assert.InRange(s.Done, 0, s.Total));
        Assert.Contains(steps, s => s.Done == images.Count && s.What.Contains("features"));

        network.Measured = 0;
        Assert.Equal(path, NeighbourIndexWriter.Write(images, network, _cache, ct: Ct));
        Assert.Equal(0, network.Measured);
        using var other = new MeanColours { Hash = new string('b', 64) };
        Assert.NotEqual(path, NeighbourIndexWriter.Write(images, other, _cache, ct: Ct));
        Assert.Empty(Directory.GetFiles(_cache, "*.part"));

        File.WriteAllBytes(path, whole[..^4]);
        Assert.Throws<InvalidDataException>(() => NeighbourIndex.Open(path));
    }

    [Fact]
    public async Task Write_TwoAtOnce_MeasureOnce()
    {
        var spec = DataFixture.Make(nameof(ZipSpec));
        var networks = Enumerable.Range(0, 2).Select(_ => new MeanColours()).ToList();
        var paths = await Task.WhenAll(
            networks.Select(network =>
                Task.Run(() =>
                {
                    using var images = EvaluationImages.Of(spec, _cache);
                    return NeighbourIndexWriter.Write(images, network, _cache, ct: Ct);
                })
            )
        );
        Assert.Equal(paths[0], paths[1]);
        Assert.Equal(DataFixture.Records, networks.Sum(n => n.Measured));
        Assert.Empty(Directory.GetFiles(_cache, "*.part"));
    }

    [Fact]
    public void Write_WithInception_FindsTheImagesOfItsFolder()
    {
        Assert.SkipUnless(GoldenCase.OfKind("fid_inception").Count > 0, "The golden set has no weights of Inception.");
        var file = Path.Combine(_cache, "inception-2015-12-05.safetensors");
        using (var stream = File.Create(file))
        {
            using var scope = torch.NewDisposeScope();
            SafetensorsWriter.Write(
                stream,
                GoldenCase
                    .Load(GoldenCase.OfKind("fid_inception").First())
                    .WeightTensors()
                    .Select(w => TensorFile.ToSource(w.Key, w.Value)),
                new Dictionary<string, string>()
            );
        }

        File.WriteAllText(
            Path.Combine(_cache, InceptionFiles.Sums),
            $"{Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)))}  {Path.GetFileName(file)}\n"
        );
        using var network = FeatureNetworks.Open(FeatureNetworks.Inception, _cache, torch.CPU);
        using var images = EvaluationImages.Of(DataFixture.Make(nameof(FolderSpec)), _cache);
        using var index = NeighbourIndex.Open(NeighbourIndexWriter.Write(images, network, _cache, ct: Ct));
        // of the first folder are the first half of the images, which differ by a pixel each
        var nearest = index.Nearest(DatasetStatistics.Features(images, network, [5], ct: Ct).Values, DataFixture.Records, Ct);
        Assert.Equal(Enumerable.Range(0, DataFixture.Records / 2), nearest.Take(DataFixture.Records / 2).Select(n => n.Index).Order());
        Assert.Equal(nearest.Select(n => n.Distance).Order(), nearest.Select(n => n.Distance));
        Assert.Equal(DataFixture.Records, index.RealDistances.Count);
    }

    public override void Dispose()
    {
        Directory.Delete(_cache, recursive: true);
        base.Dispose();
    }

    /// <summary>A small feature network: sums over the quarters of each image's rows.</summary>
    private sealed class MeanColours : IFeatureNetwork
    {
        public int StopAfter { get; set; } = int.MaxValue;

        public int Measured { get; set; }

        public string Name => "mean-colours";

        public string Hash { get; init; } = new('a', 64);

        public string Resize => "none";

        public int Dimension => 16;

        public int Classes => 2;

        public Device Device => torch.CPU;

        public void CheckImages(int channels, int height, int width) { }

        public (float[] Features, float[]? Logits) Measure(Tensor images, bool wantLogits)
        {
            if (Measured >= StopAfter)
            {
                throw new IOException("interrupted");
            }
            var count = (int)images.size(0);
            Measured += count;
            var pixels = images.ToArray<byte>();
            var size = pixels.Length / count;
            var features = new float[count * Dimension];
            for (var k = 0; k < pixels.Length; k++)
            {
                features[(k / size * Dimension) + (k % size % Dimension)] += pixels[k] / 255f * (1 + (k % size % 7));
            }
            return (features, null);
        }

        public void Dispose() { }
    }
}
