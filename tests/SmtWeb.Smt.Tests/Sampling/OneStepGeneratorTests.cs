using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Tests.Training;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Sampling;

/// <summary>Generations from a checkpoint: the same image for the same seed and class, whatever it is drawn with.</summary>
public sealed class OneStepGeneratorTests : TensorTest, IClassFixture<OneStepGeneratorTests.TinyModel>
{
    private readonly TinyModel _model;

    public OneStepGeneratorTests(TinyModel model) => _model = model;

    [Fact]
    public void Generate_AnyBatch_GivesEachImageByItsSeedAlone()
    {
        using var generator = _model.Open();
        var seeds = Enumerable.Range(0, 70).Select(k => (ulong)k).ToArray();
        var labels = seeds.Select(s => (int)(s % 10)).ToArray();
        var together = generator.Generate(seeds, labels);
        var size = together.Height * together.Width * together.Channels;
        foreach (var k in new[] { 0, 31, 32, 69 })
        {
            Assert.Equal(together.Pixels[(k * size)..((k + 1) * size)], generator.Generate([seeds[k]], [labels[k]]).Pixels);
        }
        var other = generator.Generate([1000UL, seeds[33]], [5, labels[33]]);
        Assert.Equal(together.Pixels[(33 * size)..(34 * size)], other.Pixels[size..]);
    }

    [Fact]
    public void Generate_OtherSeed_GivesAnotherImage()
    {
        using var generator = _model.Open();
        Assert.NotEqual(generator.Generate([1], [0]).Pixels, generator.Generate([ulong.MaxValue], [0]).Pixels);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(-1)]
    public void Generate_ClassOutOfRange_NamesItAndTheRange(int label)
    {
        using var generator = _model.Open();
        var error = Assert.Throws<ArgumentException>(() => generator.Generate([1], [label]));
        Assert.Contains($"{label}", error.Message);
        Assert.Contains("0 to 9", error.Message);
    }

    [Fact]
    public void Generate_FewerLabelsThanSeeds_SaysSo()
    {
        using var generator = _model.Open();
        Assert.Contains("1 class labels for 2 seeds", Assert.Throws<ArgumentException>(() => generator.Generate([1, 2], [0])).Message);
    }

    [Fact]
    public void Load_NotACheckpoint_SaysWhatItIsNot()
    {
        Assert.Throws<InvalidDataException>(() => OneStepGenerator.Load(new MemoryStream([1, 2, 3])));
    }

    /// <summary>A checkpoint of a run of seconds.</summary>
    public sealed class TinyModel
    {
        private readonly Lazy<byte[]> _checkpoint = new(() =>
        {
            var journal = new MemoryJournal();
            TrainingSession.Run(Presets.Find("fashion-mnist-quick")!.Spec.ForQuickTest(), journal, null, 2);
            return journal.Checkpoints[^1].Bytes;
        });

        internal OneStepGenerator Open()
        {
            if (!File.Exists("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"))
            {
                Assert.Skip("Fashion-MNIST is not installed: apt-get install dataset-fashion-mnist");
            }
            return OneStepGenerator.Load(new MemoryStream(_checkpoint.Value));
        }
    }
}
