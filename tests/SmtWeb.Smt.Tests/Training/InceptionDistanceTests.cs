using System.Security.Cryptography;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Weights;
using SmtWeb.Measures.Inception;
using SmtWeb.Measures.Statistics;
using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Tests.Datasets;
using SmtWeb.Smt.Tests.Golden;
using SmtWeb.Smt.Tests.Metrics;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Training;

/// <summary>
/// What runs on data of the operator are measured by: FID where the Inception file lies in the folder of metrics, else pixels, and no
/// mixture.
/// </summary>
public sealed class InceptionDistanceTests : TensorTest
{
    private const string FileName = "inception-2015-12-05.safetensors";

    private readonly string _metrics = Directory.CreateTempSubdirectory("smtweb-metrics-").FullName;

    [Fact]
    public void Run_InceptionFileThere_IsMeasuredByFidOfItsOwnSamples()
    {
        Assert.SkipUnless(GoldenCase.OfKind("fid_inception").Count > 0, "The golden set has no weights of Inception.");
        var hash = WriteInception();
        var spec = Spec();
        var journal = new MemoryJournal();
        TrainingSession.Run(spec, journal, null, 2, _metrics);

        var record = journal.Evaluations.Single(e => e.Final);
        Assert.Equal(
            ("fid", hash, "tf1", 16, "balanced", "in-training"),
            (record.Metric, record.FeatureNetworkHash, record.Resize, record.Samples, record.LabelDistribution, record.Protocol)
        );
        Assert.Equal(["16 generated", "24 reference"], record.Warnings!.Select(w => string.Join(' ', w.Split(' ')[2..4])));
        Assert.All(record.Warnings!, w => Assert.Contains("fewer than the 2,048 dimensions", w));
        Assert.Equal(record.Value, journal.Points.Last(p => p.Name == MetricNames.Fid).Value);
        Assert.DoesNotContain(journal.Points, p => p.Name == MetricNames.PixelWasserstein);
        Assert.Contains(journal.Lines, l => l.Text.Contains("The distance is FID: inception-2015-12-05, resize tf1, reference 24 images"));
        Assert.Single(Directory.GetFiles(Path.Combine(_metrics, "cache"), "*.npz"));

        // by hand, from the checkpoint's own samples
        using var network = InceptionFiles.Open(_metrics, InceptionResize.Tf1, torch.CPU);
        using var images = EvaluationImages.Of(spec.Data);
        var real = DatasetStatistics.Features(
            images,
            network,
            [.. Enumerable.Range(0, images.Count)],
            null,
            TestContext.Current.CancellationToken
        );
        using var generator = OneStepGenerator.Load(new MemoryStream(journal.Checkpoints[^1].Bytes));
        var drawn = generator.Generate([.. Enumerable.Range(0, 16).Select(s => (ulong)s)], null);
        using var scope = torch.NewDisposeScope();
        var pixels = Tensors.Of(drawn.Pixels, [drawn.Count, drawn.Height, drawn.Width, drawn.Channels]).permute(0, 3, 1, 2).contiguous();
        var expected = HandmadeFid.Of(new(network.Measure(pixels, wantLogits: false).Features, network.Dimension), real);
        Assert.Equal(expected, record.Value, expected * 1e-5);

        // going on where the file is missing: no number of another kind joins the curve
        File.Delete(Path.Combine(_metrics, FileName));
        var further = new MemoryJournal();
        TrainingSession.Run(
            spec with
            {
                Optimisation = spec.Optimisation with { Iterations = 3 },
            },
            further,
            new MemoryStream(journal.Checkpoints[^1].Bytes),
            2,
            _metrics
        );
        Assert.Empty(further.Evaluations);
        Assert.Contains(further.Lines, l => l.Level == LogLevel.Warning && l.Text.Contains("not measured") && l.Text.Contains(_metrics));
        Assert.Null(further.Checkpoints[^1].Record.Distance);
    }

    [Fact]
    public void Run_NoInceptionFile_IsMeasuredByPixelsAndSaysHowToGetFid()
    {
        var spec = Spec();
        var journal = new MemoryJournal();
        TrainingSession.Run(spec, journal, null, 1, _metrics);
        var warning = Assert.Single(journal.Evaluations.Single(e => e.Final).Warnings!);
        foreach (var part in new[] { "No FID", _metrics, "pt_inception-2015-12-05-6726825d.pth", "docs/metrics.md" })
        {
            Assert.Contains(part, warning);
        }
        Assert.Single(journal.Lines, l => l.Text == warning); // once, though every record says it
        Assert.All(journal.Evaluations, e => Assert.Equal("swd", e.Metric));

        // the file comes later: this run stays with what its checkpoints were measured by
        File.WriteAllText(Path.Combine(_metrics, FileName), "never opened");
        var further = new MemoryJournal();
        TrainingSession.Run(
            spec with
            {
                Optimisation = spec.Optimisation with { Iterations = 3 },
            },
            further,
            new MemoryStream(journal.Checkpoints[^1].Bytes),
            1,
            _metrics
        );
        Assert.Equal("swd", Assert.Single(further.Evaluations).Metric);
        Assert.Contains(further.Lines, l => l.Text.Contains("as this run began"));
    }

    [Fact]
    public void Run_UntrustedInceptionFile_SaysItsHashAndTrainsOn()
    {
        File.WriteAllText(Path.Combine(_metrics, FileName), "something else");
        var journal = new MemoryJournal();
        Assert.Equal(TrainingOutcome.Finished, TrainingSession.Run(Spec(), journal, null, 1, _metrics).Outcome);
        Assert.Contains(
            journal.Lines,
            l =>
                l.Level == LogLevel.Warning
                && l.Text.Contains(InceptionFiles.Sums)
                && l.Text.Contains(Convert.ToHexStringLower(SHA256.HashData("something else"u8)))
        );
        Assert.All(journal.Evaluations, e => Assert.Equal("swd", e.Metric));
    }

    public override void Dispose()
    {
        Directory.Delete(_metrics, recursive: true);
        base.Dispose();
    }

    private static TrainingSpec Spec()
    {
        var preset = Presets.Find("fashion-mnist-quick")!.Spec.ForQuickTest();
        return preset with
        {
            Data = ImageSources.Complete(DataFixture.Make(nameof(Cifar10Spec))),
            Optimisation = preset.Optimisation with { BatchSize = 4, Iterations = 2, RampIterations = 0 },
            Method = (SmtSpec)preset.Method with { WarmupIterations = 1, ScoreUpdatesPerGeneratorUpdate = 1 },
            Evaluation = preset.Evaluation with
            {
                EveryIterations = 1000,
                CheckpointEvery = 1000,
                Samples = 16,
                FinalSamples = 16,
                GridColumns = 1,
            },
        };
    }

    // the weights that golden cases give by a formula, in a file that the operator declared trusted
    private string WriteInception()
    {
        var path = Path.Combine(_metrics, FileName);
        using (var file = File.Create(path))
        {
            using var scope = torch.NewDisposeScope();
            SafetensorsWriter.Write(
                file,
                GoldenCase
                    .Load(GoldenCase.OfKind("fid_inception").First())
                    .WeightTensors()
                    .Select(w => TensorFile.ToSource(w.Key, w.Value)),
                new Dictionary<string, string>()
            );
        }

        string hash;
        using (var file = File.OpenRead(path))
        {
            hash = Convert.ToHexStringLower(SHA256.HashData(file));
        }
        File.WriteAllText(Path.Combine(_metrics, InceptionFiles.Sums), $"{hash}  {FileName}\n");
        return hash;
    }
}
