using SmtWeb.Data.Formats;
using SmtWeb.Measures;
using SmtWeb.Measures.Statistics;
using SmtWeb.Smt.Evaluation;
using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Tests.Training;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Metrics;

/// <summary>Distances per class: each is the distance of the class's own images, and few images are told.</summary>
public sealed class PerClassTests : TensorTest
{
    private const int PerClassReal = 30,
        PerClassGenerated = 20,
        Classes = 10;

    [Fact]
    public void Evaluate_PerClass_IsTheDistanceOfEachClassByHand()
    {
        Assert.SkipUnless(Directory.Exists(FashionMnist.DefaultFolder), "The Debian package dataset-fashion-mnist is not installed.");
        using var generator = Trained();
        using var images = new FirstOfEachClass();
        using var network = FashionFeatures.LoadBundled(torch.CPU);
        var report = Measure(generator, images, network);

        // by hand: the features of everything, sorted by class
        var real = Enumerable
            .Range(0, images.Count)
            .Select(i => (images.LabelOf(i), Feature(network, images.PixelsOf(i))))
            .ToLookup(p => p.Item1, p => p.Item2);
        var drawn = generator.Generate(
            [.. Enumerable.Range(0, Classes * PerClassGenerated).Select(s => (ulong)s)],
            [.. Enumerable.Range(0, Classes * PerClassGenerated).Select(s => s % Classes)]
        );
        var size = drawn.Pixels.Length / drawn.Count;
        var generated = Enumerable
            .Range(0, drawn.Count)
            .Select(i => (drawn.Labels[i], Feature(network, drawn.Pixels[(i * size)..((i + 1) * size)])))
            .ToLookup(p => p.Item1, p => p.Item2);
        Assert.Equal(Enumerable.Range(0, Classes), report.PerClass!.Select(c => c.Label));
        foreach (var distance in report.PerClass!)
        {
            Assert.Equal(
                (PerClassGenerated, PerClassReal, FashionMnist.ClassNames[distance.Label]),
                (distance.Generated, distance.Real, distance.Name)
            );
            var expected = HandmadeFid.Of(
                new([.. generated[distance.Label].SelectMany(f => f)], network.Dimension),
                new([.. real[distance.Label].SelectMany(f => f)], network.Dimension)
            );
            Assert.Equal(expected, distance.Fid, expected * 1e-6);
        }

        var warning = Assert.Single(report.Warnings);
        Assert.Contains("as few as 20 images", warning);
        Assert.Contains("128 feature dimensions", warning);
        Assert.Equal(report.Warnings, report.ToRecord().Warnings); // the record shows it too
    }

    [Fact]
    public void Evaluate_PerClassWithEnoughImages_HasNoWarning()
    {
        Assert.SkipUnless(Directory.Exists(FashionMnist.DefaultFolder), "The Debian package dataset-fashion-mnist is not installed.");
        using var generator = Trained();
        using var images = new FirstOfEachClass();
        using var network = new Brightness();
        var report = Measure(generator, images, network); // 20 images for 2 dimensions are enough
        Assert.Empty(report.Warnings);
        Assert.Equal(Classes, report.PerClass!.Count);
    }

    [Fact]
    public void OfClasses_MoreThanMemoryHolds_SaysSo()
    {
        using var images = new FirstOfEachClass { Classes = 1000 };
        using var network = new Brightness { Dimension = 2048 };
        Assert.Contains(
            "1000 classes of 2048x2048",
            Assert
                .Throws<ArgumentException>(() => DatasetStatistics.OfClasses(images, network, null, TestContext.Current.CancellationToken))
                .Message
        );
        using var unlabelled = new FirstOfEachClass { Classes = 0 };
        Assert.Contains(
            "no labels",
            Assert
                .Throws<ArgumentException>(() =>
                    DatasetStatistics.OfClasses(unlabelled, network, null, TestContext.Current.CancellationToken)
                )
                .Message
        );
    }

    private static EvaluationReport Measure(OneStepGenerator generator, IEvaluationImages images, IFeatureNetwork network)
    {
        var reference = DatasetStatistics.Of(images, network, null, null, TestContext.Current.CancellationToken);
        var protocol = new EvaluationProtocol("by-hand", "", Classes * PerClassGenerated, 1, LabelDistribution.Balanced);
        return new ModelEvaluator(generator, images, network, reference) { PerClass = true }.Evaluate(
            protocol,
            TestContext.Current.CancellationToken
        );
    }

    internal static OneStepGenerator Trained()
    {
        var quick = Presets.Find("fashion-mnist-quick")!.Spec.ForQuickTest();
        var journal = new MemoryJournal();
        TrainingSession.Run(
            quick with
            {
                Evaluation = quick.Evaluation with { Measure = EvaluationMeasure.Quick },
            },
            journal,
            null,
            threads: 1
        );
        return OneStepGenerator.Load(new MemoryStream(journal.Checkpoints[^1].Bytes));
    }

    private static float[] Feature(IFeatureNetwork network, byte[] pixels)
    {
        using var scope = torch.NewDisposeScope();
        return network.Measure(Tensors.Of(pixels, [1, 1, 32, 32]), wantLogits: false).Features;
    }

    /// <summary>The first images of each class of Fashion-MNIST.</summary>
    private sealed class FirstOfEachClass : IEvaluationImages
    {
        private readonly FashionMnistImages _all = new();
        private readonly List<int> _chosen = [];

        internal FirstOfEachClass()
        {
            var counts = new int[Classes];
            var pixels = new byte[32 * 32];
            for (var i = 0; _chosen.Count < counts.Length * PerClassReal; i++)
            {
                if (counts[_all.Read(i, pixels)]++ < PerClassReal)
                {
                    _chosen.Add(i);
                }
            }
        }

        public string Name => "first of each class";

        public string Hash => "not cached";

        public int Count => _chosen.Count;

        public int Channels => 1;

        public int Side => 32;

        public int Classes { get; init; } = PerClassTests.Classes;

        public IReadOnlyList<string> ClassNames => _all.ClassNames;

        public int Read(int index, Span<byte> pixels) => _all.Read(_chosen[index], pixels);

        public void Dispose() => _all.Dispose();

        internal int LabelOf(int index) => Read(index, new byte[32 * 32]);

        internal byte[] PixelsOf(int index)
        {
            var pixels = new byte[32 * 32];
            Read(index, pixels);
            return pixels;
        }
    }
}
