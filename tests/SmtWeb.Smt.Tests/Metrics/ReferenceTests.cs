using SmtWeb.Data.Formats;
using SmtWeb.Measures;
using SmtWeb.Measures.Statistics;
using SmtWeb.Smt.Evaluation;
using SmtWeb.Smt.Sampling;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Metrics;

/// <summary>
/// What a report says of its reference: whose it is, what cannot be computed from it, what few images and empty classes do.
/// </summary>
public sealed class ReferenceTests : TensorTest
{
    private readonly string _folder = Directory.CreateTempSubdirectory("smtweb-reference-").FullName;
    private readonly Brightness _network = new();
    private readonly OneStepGenerator _generator;

    public ReferenceTests()
    {
        Assert.SkipUnless(Directory.Exists(FashionMnist.DefaultFolder), "The Debian package dataset-fashion-mnist is not installed.");
        _generator = PerClassTests.Trained();
    }

    public override void Dispose()
    {
        _generator?.Dispose();
        _network.Dispose();
        Directory.Delete(_folder, true);
        base.Dispose();
    }

    [Fact]
    public void Evaluate_ReferenceOfTheImagesFromAFile_MeasuresEverything()
    {
        var images = new Stripes(60);
        var path = Path.Combine(_folder, "own.npz");
        DatasetStatistics.Of(images, _network, null, null, TestContext.Current.CancellationToken).WriteNpz(path);
        var report = Measure(images, ReferenceStatistics.Read(path), name: "own.npz");
        Assert.Equal(["fid", "kid", "precision", "recall", "inception-score"], report.Metrics.Select(m => m.Name));
        Assert.Equal(("stripes", 60L), (report.Dataset, report.ReferenceImages));
        Assert.Equal(10, report.PerClass!.Count);
        Assert.DoesNotContain(report.Warnings, w => w.StartsWith("Left out", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true, "others", 500L)]
    [InlineData(false, "edm.npz", 0L)]
    public void Evaluate_ReferenceOfOtherImages_NamesItAndLeavesOutWhatNeedsImages(bool known, string title, long count)
    {
        var statistics = new ReferenceStatistics(
            [0.5, 0.1],
            [0.1, 0, 0, 0.1],
            known ? new StatisticsOrigin("others", "ab", 500, _network.Name, _network.Hash, _network.Resize) : null
        );
        var report = Measure(new Stripes(60), statistics, name: "edm.npz");
        Assert.Equal(["fid", "inception-score"], report.Metrics.Select(m => m.Name));
        Assert.Equal((title, count, statistics.Hash), (report.Dataset, report.ReferenceImages, report.ReferenceHash));
        Assert.Null(report.PerClass);
        var said = Assert.Single(report.Warnings, w => w.StartsWith("Left out", StringComparison.Ordinal));
        foreach (var part in new[] { "KID, precision and recall", "distances per class", title, "stripes" })
        {
            Assert.Contains(part, said);
        }
        var record = report.ToRecord();
        Assert.Equal((title, statistics.Hash, report.Warnings), (record.Dataset, record.ReferenceHash, record.Warnings));
    }

    [Theory]
    [InlineData(2, new[] { "fid", "kid", "inception-score" })]
    [InlineData(3, new[] { "fid", "kid", "inception-score" })]
    [InlineData(4, new[] { "fid", "kid", "precision", "recall", "inception-score" })]
    public void Evaluate_FewRealImages_LeavesOutInWordsWhatTheyDoNotGive(int count, string[] metrics)
    {
        var images = new Stripes(count);
        var report = Measure(
            images,
            DatasetStatistics.Of(images, _network, null, null, TestContext.Current.CancellationToken),
            perClass: false
        );
        Assert.Equal(metrics, report.Metrics.Select(m => m.Name));
        Assert.All(report.Metrics, m => Assert.True(double.IsFinite(m.Min)));
        var leftOut = report.Warnings.Where(w => w.StartsWith("Left out", StringComparison.Ordinal)).ToList();
        if (count < 4)
        {
            Assert.Contains($"there are 40 generated and {count} real", Assert.Single(leftOut));
        }
        else
        {
            Assert.Empty(leftOut);
        }
    }

    [Fact]
    public void Of_OneImage_SaysSo()
    {
        var error = Assert.Throws<InvalidDataException>(() =>
            DatasetStatistics.Of(new Stripes(1), _network, null, null, TestContext.Current.CancellationToken)
        );
        Assert.Contains("stripes has 1 image", error.Message);
    }

    [Fact]
    public void Evaluate_FewerImagesThanDimensions_WarnsOfEachSide()
    {
        using var features = FashionFeatures.LoadBundled(torch.CPU);
        var images = new Stripes(60);
        var reference = DatasetStatistics.Of(images, features, null, null, TestContext.Current.CancellationToken);
        var report = new ModelEvaluator(_generator, images, features, reference).Evaluate(
            new("few", "", 40, 1, LabelDistribution.Balanced),
            TestContext.Current.CancellationToken
        );
        Assert.Equal(
            ["FID of 40 generated images, fewer than the 128 dimensions", "FID of 60 reference images, fewer than the 128 dimensions"],
            report.Warnings.Select(w => w[..w.IndexOf(" of the features", StringComparison.Ordinal)])
        );
        Assert.Equal(report.Warnings, report.ToRecord().Warnings);
        Assert.Empty(FewImages.Warnings(128, 128, 128));
        Assert.Empty(FewImages.Warnings(128, 0, 128)); // not known
        Assert.Single(FewImages.Warnings(127, 128, 128));
        Assert.Single(FewImages.Warnings(128, 127, 128));
    }

    [Theory]
    [InlineData(LabelDistribution.Balanced)]
    [InlineData(LabelDistribution.Random)]
    public void Evaluate_ClassesWithoutImages_DrawsAmongTheOthersAndSaysSo(LabelDistribution labels)
    {
        var images = new Stripes(60) { Missing = [0, 7] };
        var reference = DatasetStatistics.Of(images, _network, null, null, TestContext.Current.CancellationToken);
        var report = Measure(images, reference, labels: labels, samples: 200);
        Assert.Contains(
            report.Warnings,
            w => w.StartsWith("2 of 10 classes have no image: 0 (T-shirt/top), 7 (Sneaker)", StringComparison.Ordinal)
        );
        Assert.Equal([1, 2, 3, 4, 5, 6, 8, 9], report.PerClass!.Select(c => c.Label));
        Assert.Equal(200, report.PerClass!.Sum(c => c.Generated)); // none of the others
        if (labels == LabelDistribution.Balanced)
        {
            Assert.All(report.PerClass!, c => Assert.Equal(25, c.Generated));
        }
    }

    private EvaluationReport Measure(
        IEvaluationImages images,
        ReferenceStatistics reference,
        string? name = null,
        bool perClass = true,
        LabelDistribution labels = LabelDistribution.Balanced,
        int samples = 40
    ) =>
        new ModelEvaluator(_generator, images, _network, reference) { PerClass = perClass, ReferenceName = name }.Evaluate(
            new("by-hand", "", samples, 1, labels),
            TestContext.Current.CancellationToken
        );

    /// <summary>Images of ten classes in turn, but for those that are missing.</summary>
    private sealed class Stripes(int count) : IEvaluationImages
    {
        public int[] Missing { get; init; } = [];

        public string Name => "stripes";

        public string Hash => $"stripes {count}";

        public int Count => count;

        public int Channels => 1;

        public int Side => 32;

        public int Classes => 10;

        public IReadOnlyList<string> ClassNames => FashionMnist.ClassNames;

        public IReadOnlyList<int>? ClassCounts =>
            [.. Enumerable.Range(0, 10).Select(c => Enumerable.Range(0, count).Count(k => Label(k) == c))];

        public int Read(int index, Span<byte> pixels)
        {
            for (var k = 0; k < pixels.Length; k++)
            {
                pixels[k] = (byte)(((k + index) % (2 + Label(index))) * (20 + (index % 7)));
            }
            return Label(index);
        }

        public void Dispose() { }

        private int Label(int index)
        {
            var present = Enumerable.Range(0, 10).Except(Missing).ToArray();
            return present[index % present.Length];
        }
    }
}
