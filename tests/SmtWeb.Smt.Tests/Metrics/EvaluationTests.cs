using System.Security.Cryptography;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Weights;
using SmtWeb.Measures;
using SmtWeb.Measures.Inception;
using SmtWeb.Measures.Statistics;
using SmtWeb.Smt.Evaluation;
using SmtWeb.Smt.Session;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Metrics;

/// <summary>Statistics of data sets, files of the feature network, and which records compare.</summary>
public sealed class EvaluationTests : TensorTest
{
    private readonly string _folder = Directory.CreateTempSubdirectory("smtweb-metrics-").FullName;

    [Fact]
    public void Of_FashionMnist_GivesTheBundledReferenceAndIsCached()
    {
        if (!File.Exists(Path.Combine(FashionMnist.DefaultFolder, "train-images-idx3-ubyte.gz")))
        {
            Assert.Skip("Fashion-MNIST is not installed: apt-get install dataset-fashion-mnist");
        }
        using var images = new FashionMnistImages();
        using var network = FashionFeatures.LoadBundled(torch.CPU);
        var last = default(MeasureProgress);
        var computed = DatasetStatistics.Of(images, network, _folder, p => last = p, TestContext.Current.CancellationToken);
        Assert.Equal(60_000, last.Done);

        // the bundled statistics were computed by PyTorch from the same images
        var bundled = FashionFid.Reference();
        Assert.InRange(FrechetDistance.Between(computed.Mean, computed.Covariance, bundled.Mean, bundled.Covariance).Value, 0, 1e-6);
        Assert.Equal(new("fashion-mnist", images.Hash, 60_000, "fashion-mnist-cnn", network.Hash, "none"), computed.Origin);

        var again = DatasetStatistics.Of(
            images,
            network,
            _folder,
            _ => Assert.Fail("it was in the cache"),
            TestContext.Current.CancellationToken
        );
        Assert.Equal(computed.Hash, again.Hash);
    }

    [Fact]
    public void Open_NoInceptionFile_SaysWhichFileGoesWhere()
    {
        var error = Assert.Throws<FileNotFoundException>(() => InceptionFiles.Open(_folder, InceptionResize.Tf1, torch.CPU));
        Assert.Contains(_folder, error.Message);
        Assert.Contains("pt_inception-2015-12-05-6726825d.pth", error.Message);
    }

    [Fact]
    public void Open_UnknownHash_IsRefusedUntilListed()
    {
        var path = Path.Combine(_folder, "inception-2015-12-05.safetensors");
        using (var random = new Generator(0, torch.CPU))
        using (var scope = torch.NewDisposeScope())
        using (var file = File.Create(path))
        {
            SafetensorsWriter.Write(
                file,
                InceptionWeights.Needed().Select(n => TensorFile.ToSource(n.Name, torch.ones(n.Shape))),
                new Dictionary<string, string>()
            );
        }
        var hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
        var error = Assert.Throws<InvalidDataException>(() => InceptionFiles.Open(_folder, InceptionResize.Tf1, torch.CPU));
        Assert.Contains(hash, error.Message);
        Assert.Contains(InceptionFiles.Sums, error.Message);

        File.WriteAllText(Path.Combine(_folder, InceptionFiles.Sums), $"{hash}  inception-2015-12-05.safetensors\n");
        using var network = InceptionFiles.Open(_folder, InceptionResize.PytorchFid, torch.CPU);
        Assert.Equal((hash, "pytorch-fid", 2048, 1008), (network.Hash, network.Resize, network.Dimension, network.Classes));

        File.Move(path, Path.Combine(_folder, "inception-2015-12-05.pt"));
        Assert.Contains(
            "as published",
            Assert.Throws<InvalidDataException>(() => InceptionFiles.Open(_folder, InceptionResize.Tf1, torch.CPU)).Message
        );
    }

    [Fact]
    public void Differences_OfUnlikeRecords_NameEach()
    {
        var a = new EvaluationRecord("fid", 3, 100, 1000, 1, 5000, 0, "reference", "network", "none", "balanced", "ema", false);
        Assert.Empty(EvaluationComparison.Differences(a, a with { Value = 9, Iteration = 200, Protocol = "quick" }));
        Assert.Equal(
            ["images: 5,000 and 50,000", "resize: none and tf1"],
            EvaluationComparison.Differences(a, a with { Samples = 50_000, Resize = "tf1" })
        );
    }

    [Fact]
    public void Distance_OfHighDimensions_IsThatOfTheSmallMatrices()
    {
        // block-diagonal: the distance of the large matrices is the sum over the blocks
        const int n = 320;
        var random = new Random(3);
        var (mu, sigma1, sigma2) = (new double[n], new double[n * n], new double[n * n]);
        var expected = 0.0;
        for (var from = 0; from < n; from += 32)
        {
            double[] Block()
            {
                var factor = Enumerable.Range(0, 32 * 40).Select(_ => random.NextDouble() - 0.5).ToArray();
                var block = new double[32 * 32];
                for (var i = 0; i < 32; i++)
                {
                    for (var j = 0; j < 32; j++)
                    {
                        for (var k = 0; k < 40; k++)
                        {
                            block[(i * 32) + j] += factor[(i * 40) + k] * factor[(j * 40) + k];
                        }
                    }
                }
                return block;
            }
            var (a, b) = (Block(), Block());
            expected += FrechetDistance.Between(new double[32], a, new double[32], b).Value;
            for (var i = 0; i < 32; i++)
            {
                for (var j = 0; j < 32; j++)
                {
                    (sigma1[((from + i) * n) + from + j], sigma2[((from + i) * n) + from + j]) = (a[(i * 32) + j], b[(i * 32) + j]);
                }
            }
        }
        Assert.Equal(expected, FrechetDistance.Between(mu, sigma1, mu, sigma2).Value, expected * 1e-9);
    }

    [Fact]
    public void RandomLabel_ManySeeds_CoversTheClassesEvenlyAndRepeats()
    {
        var counts = new int[10];
        for (ulong seed = 0; seed < 10_000; seed++)
        {
            counts[ModelEvaluator.RandomLabel(seed, 10)]++;
        }
        Assert.All(counts, c => Assert.InRange(c, 850, 1150));
        Assert.Equal(ModelEvaluator.RandomLabel(5, 1000), ModelEvaluator.RandomLabel(5, 1000));
    }

    public override void Dispose()
    {
        Directory.Delete(_folder, true);
        base.Dispose();
    }
}
