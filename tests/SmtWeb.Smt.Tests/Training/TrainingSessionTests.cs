using SmtWeb.Data.Formats;
using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Tests.Datasets;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Training;

/// <summary>Whole runs, made small: what they write, that they resume bit for bit, and how they end when they cannot go on.</summary>
public sealed class TrainingSessionTests : TensorTest
{
    public static TheoryData<string> PresetNames => [.. Presets.All.Select(p => p.Name)];

    [Theory, MemberData(nameof(PresetNames))]
    public void Run_EveryPresetMadeSmall_FinishesWithItsRecords(string preset)
    {
        var spec = Quick(preset);
        var journal = new MemoryJournal { Teacher = TeacherFor(spec) };
        var result = TrainingSession.Run(spec, journal, null, 2);
        Assert.Equal(TrainingOutcome.Finished, result.Outcome);
        var total = spec.Method.Warmup() + spec.Optimisation.Iterations;
        Assert.Equal(total, journal.Points.Max(p => p.Iteration));
        Assert.All(journal.Points, p => Assert.True(double.IsFinite(p.Value), $"{p}"));
        Assert.Contains(
            journal.Points,
            p => p.Name == (spec.Method is DiffusionSpec ? MetricNames.DenoisingLoss : MetricNames.GeneratorLoss)
        );
        Assert.True(journal.Evaluations[^1].Final);
        Assert.Equal(spec.Data is StoredDataSpec ? DataFixture.Records : spec.Evaluation.FinalSamples, journal.Evaluations[^1].Samples);
        Assert.Equal(total, journal.Checkpoints[^1].Record.Iteration);
        Assert.All(journal.Pictures, p => Assert.Equal([0x89, 0x50, 0x4E, 0x47], p.Png[..4]));
        Assert.Contains(journal.Pictures, p => p.Kind == (spec.Data is SwissRollSpec ? PictureKind.Scatter : PictureKind.Samples));
    }

    [Theory]
    [InlineData("swiss-roll", 7)]
    [InlineData("fashion-mnist-quick", 2)]
    [InlineData("fashion-mnist-quick", 7)]
    [InlineData("fig5/smd", 3)]
    [InlineData("fig5/teacher", 5)]
    [InlineData("fig5/diffusion-gan", 3)]
    [InlineData("fig5/reverse-kl", 7)]
    public void Run_PausedAndResumed_GivesTheSameNumbersBitForBit(string preset, int pauseAt)
    {
        // dropout too: its draws belong to the state
        var spec = Quick(preset);
        if (spec.Network is DdpmPpSpec unet)
        {
            spec = spec with { Network = unet with { ScoreDropout = 0.1 } };
        }
        spec = spec with { Optimisation = spec.Optimisation with { EmaDecay = 0.9, EmaRamp = 0.5, EmaHalfLives = [3] } };
        var teacher = TeacherFor(spec);
        var whole = new MemoryJournal { Teacher = teacher };
        TrainingSession.Run(spec, whole, null, 2);

        // going on needs no teacher: the checkpoint holds it
        var first = new MemoryJournal { At = (pauseAt, TrainingSignal.Pause), Teacher = teacher };
        Assert.Equal(TrainingOutcome.Paused, TrainingSession.Run(spec, first, null, 2).Outcome);
        Assert.Equal(pauseAt, first.Checkpoints[^1].Record.Iteration);
        var second = new MemoryJournal();
        TrainingSession.Run(spec, second, new MemoryStream(first.Checkpoints[^1].Bytes), 2);

        static IEnumerable<(string, long, double)> Curve(IEnumerable<MetricPoint> points) =>
            points.Where(p => !p.Name.StartsWith("speed/", StringComparison.Ordinal)).Select(p => (p.Name, p.Iteration, p.Value));
        Assert.Equal(Curve(whole.Points), Curve(first.Points.Concat(second.Points)));
        Assert.Contains(
            second.Points,
            p => p.Name == (spec.Data is SwissRollSpec ? MetricNames.SlicedWasserstein : MetricNames.Fid) + "-h3"
        );
        Assert.Equal(whole.Pictures[^1].Png, second.Pictures[^1].Png);
        Assert.Equal(Tensors(whole.Checkpoints[^1].Bytes), Tensors(second.Checkpoints[^1].Bytes));
    }

    [Fact]
    public void Run_Stopped_LeavesACheckpointAndSaysSo()
    {
        var journal = new MemoryJournal { At = (3, TrainingSignal.Stop) };
        var result = TrainingSession.Run(Quick("swiss-roll"), journal, null, 1);
        Assert.Equal(TrainingOutcome.Stopped, result.Outcome);
        Assert.Equal(3, journal.Checkpoints[^1].Record.Iteration);
    }

    [Fact]
    public void Run_Abandoned_WritesNothingMore()
    {
        var journal = new MemoryJournal { At = (3, TrainingSignal.Abandon) };
        Assert.Equal(TrainingOutcome.Abandoned, TrainingSession.Run(Quick("swiss-roll"), journal, null, 1).Outcome);
        Assert.DoesNotContain(journal.Checkpoints, c => c.Record.Iteration >= 3);
    }

    [Fact]
    public void Run_NotFinite_SkipsCountsAndEndsAfterThreeInARow()
    {
        var quick = Quick("swiss-roll");
        // a rate this large makes the weights overflow within a few steps
        var spec = quick with
        {
            Optimisation = quick.Optimisation with { Iterations = 400, ScoreRate = 1, WeightDecay = 0, Beta1 = 0, Beta2 = 0 },
            Data = new SwissRollSpec { Noise = 5 },
        };
        var poisoned = Poison(spec);
        var journal = new MemoryJournal();
        var result = TrainingSession.Run(spec, journal, new MemoryStream(poisoned), 1);
        Assert.Equal((TrainingOutcome.NotFinite, 6L), (result.Outcome, result.FirstBadIteration));
        Assert.Contains("first at iteration 6", result.Reason);
        Assert.Equal(3, journal.Points.Last(p => p.Name == MetricNames.SkippedSteps).Value);
        Assert.Equal(3, journal.Lines.Count(l => l.Level == LogLevel.Warning));
        Assert.Contains(journal.Points, p => double.IsNaN(p.Value));
    }

    [Fact]
    public void Run_CheckpointsBetweenEvaluations_CarryNoDistance()
    {
        var spec = Every(4, 3);
        var journal = new MemoryJournal();
        TrainingSession.Run(spec, journal, null, 1);
        var measured = journal.Evaluations.ToDictionary(e => e.Iteration, e => e.Value);
        Assert.Equal([0L, 4, 8, 10], measured.Keys.Order());
        Assert.Equal(
            [(3L, null), (6, null), (9, null), (10, measured[10])],
            journal.Checkpoints.Select(c => (c.Record.Iteration, c.Record.Distance))
        );
        Assert.All(journal.Checkpoints, c => Assert.Equal((c.Record.Distance, "sw2"), Kept(c.Bytes)));
    }

    [Theory]
    [InlineData(4, true)]
    [InlineData(5, false)]
    public void Run_Paused_CheckpointCarriesADistanceWhereItWasMeasuredAndGoesOnWithoutAnOldOne(int at, bool measured)
    {
        var spec = Every(4, 100);
        var first = new MemoryJournal { At = (at, TrainingSignal.Pause) };
        TrainingSession.Run(spec, first, null, 1);
        var paused = first.Checkpoints[^1];
        Assert.Equal(measured ? first.Evaluations.Single(e => e.Iteration == at).Value : null, paused.Record.Distance);
        // one that is paused again at once has lost nothing; one iteration later it is another network
        foreach (var (more, kept) in new[] { (0, measured), (1, false) })
        {
            var second = new MemoryJournal { At = (more == 0 ? 0 : at + more, TrainingSignal.Pause) };
            TrainingSession.Run(spec, second, new MemoryStream(paused.Bytes), 1);
            Assert.Equal(
                (at + more, kept ? paused.Record.Distance : null),
                (second.Checkpoints[^1].Record.Iteration, second.Checkpoints[^1].Record.Distance)
            );
        }
    }

    [Fact]
    public void Run_NotFinite_WritesNoCheckpointSinceTheFirstBadStep()
    {
        var spec = Every(4, 1) with { Seed = 3 };
        var journal = new MemoryJournal();
        Assert.Equal(TrainingOutcome.NotFinite, TrainingSession.Run(spec, journal, new MemoryStream(Poison(spec)), 1).Outcome);
        Assert.Empty(journal.Checkpoints);
    }

    [Fact]
    public void Run_CheckpointOfBefore_LosesTheDistanceOfAnotherIteration()
    {
        var spec = Every(4, 100);
        var journal = new MemoryJournal { At = (6, TrainingSignal.Pause) };
        TrainingSession.Run(spec, journal, null, 1);
        using var scope = torch.NewDisposeScope();
        var (read, progress, tensors, _) = CheckpointFile.Read(new MemoryStream(journal.Checkpoints[^1].Bytes), _ => true);
        using var stream = new MemoryStream();
        CheckpointFile.Write(stream, read, progress with { Distance = 0.954 }, tensors.Select(t => (t.Key, t.Value)));
        var further = new MemoryJournal { At = (0, TrainingSignal.Pause) };
        TrainingSession.Run(spec, further, new MemoryStream(stream.ToArray()), 1);
        Assert.Null(further.Checkpoints.Single().Record.Distance);
    }

    [Theory]
    [InlineData(nameof(ImageNet64Spec), "996 of 1,000 classes have no image: 4 (")]
    [InlineData(nameof(ZipSpec), null)]
    public void Run_ClassesWithoutImages_AreSaidAtTheStartAndInEveryRecord(string kind, string? said)
    {
        var preset = Presets.Find("fashion-mnist-quick")!.Spec.ForQuickTest();
        var spec = preset with
        {
            Data = ImageSources.Complete(DataFixture.Make(kind) with { Conditional = true }),
            Optimisation = preset.Optimisation with { BatchSize = 4, Iterations = 1, RampIterations = 0 },
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
        var journal = new MemoryJournal();
        TrainingSession.Run(spec, journal, null, 1);
        Assert.Equal(
            said is not null,
            journal.Lines.Any(l => l.Level == LogLevel.Warning && said is not null && l.Text.StartsWith(said, StringComparison.Ordinal))
        );
        Assert.Equal(said is not null, journal.Lines.Any(l => l.Text.Contains("no image", StringComparison.Ordinal)));
        Assert.All(
            journal.Evaluations,
            e =>
                Assert.Equal(
                    said is not null,
                    e.Warnings?.Any(w => said is not null && w.StartsWith(said, StringComparison.Ordinal)) ?? false
                )
        );
    }

    internal static TrainingSpec Every(int evaluations, int checkpoints)
    {
        var spec = Quick("swiss-roll");
        return spec with
        {
            Optimisation = spec.Optimisation with { Iterations = 10 - spec.Method.Warmup() },
            Evaluation = spec.Evaluation with { EveryIterations = evaluations, CheckpointEvery = checkpoints, MetricsEvery = 1 },
        };
    }

    private static (double? Distance, string? Metric) Kept(byte[] checkpoint)
    {
        using var scope = torch.NewDisposeScope();
        var progress = CheckpointFile.Read(new MemoryStream(checkpoint), _ => false).Progress;
        return (progress.Distance, progress.DistanceMetric);
    }

    [Fact]
    public void Run_CheckpointOfAnotherNetwork_NamesTheTensor()
    {
        var journal = new MemoryJournal();
        TrainingSession.Run(Quick("swiss-roll"), journal, null, 1);
        var error = Assert.Throws<InvalidDataException>(() =>
            TrainingSession.Run(Quick("fashion-mnist-quick"), new MemoryJournal(), new MemoryStream(journal.Checkpoints[^1].Bytes), 1)
        );
        Assert.Contains("belongs to another network", error.Message);
        Assert.Contains("ema.", error.Message);
    }

    [Fact]
    public void Run_Distillation_StartsFromTheTeachersAverage()
    {
        var spec = Quick("fig5/smd");
        var teacher = TeacherFor(spec)!;
        var journal = new MemoryJournal { Teacher = teacher, At = (1, TrainingSignal.Pause) };
        TrainingSession.Run(spec with { Optimisation = spec.Optimisation with { RampIterations = 2 } }, journal, null, 1);
        // the first iteration has the rate 0, but for the weight decay of a zero rate nothing moves
        var (mine, theirs) = (Tensors(journal.Checkpoints[^1].Bytes), Tensors(teacher));
        foreach (var name in theirs.Keys.Where(n => n.StartsWith("ema.", StringComparison.Ordinal)).Select(n => n["ema.".Length..]))
        {
            Assert.Equal(theirs[$"ema.{name}"], mine[$"teacher.{name}"]);
            Assert.Equal(theirs[$"ema.{name}"], mine[$"generator.{name}"]);
            Assert.Equal(theirs[$"ema.{name}"], mine[$"score.{name}"]);
        }
    }

    [Fact]
    public void Run_TeacherThatIsNoDiffusionModel_IsRefusedByName()
    {
        var spec = Quick("fig5/smd");
        var other = new MemoryJournal();
        TrainingSession.Run(Quick("swiss-roll"), other, null, 1);
        var error = Assert.Throws<InvalidDataException>(() =>
            TrainingSession.Run(spec, new MemoryJournal { Teacher = other.Checkpoints[^1].Bytes }, null, 1)
        );
        Assert.Contains("draws in one step", error.Message);
        var wide = spec with { Network = new MlpSpec { HiddenWidth = 24 } };
        error = Assert.Throws<InvalidDataException>(() =>
            TrainingSession.Run(wide, new MemoryJournal { Teacher = TeacherFor(spec) }, null, 1)
        );
        Assert.Contains("another network than this run", error.Message);
        Assert.Contains("hidden0.weight", error.Message);
    }

    [Fact]
    public void Run_FewStepGenerator_TrainsAtEveryLevel()
    {
        foreach (var preset in new[] { "swiss-roll", "fig5/smd" })
        {
            var spec = Quick(preset);
            spec = spec with
            {
                Method = spec.Method switch
                {
                    SmtSpec smt => smt with { GeneratorSteps = 4 },
                    SmdSpec smd => smd with { GeneratorSteps = 4 },
                    var m => m,
                },
            };
            var journal = new MemoryJournal { Teacher = TeacherFor(spec) };
            Assert.Equal(TrainingOutcome.Finished, TrainingSession.Run(spec, journal, null, 1).Outcome);
            Assert.All(journal.Points, p => Assert.True(double.IsFinite(p.Value), $"{p}"));
        }
    }

    // Names are what old checkpoints are found by: a run of an earlier version goes on.
    [Fact]
    public void Run_SmtCheckpoint_KeepsTheNamesOfItsTensors()
    {
        var journal = new MemoryJournal();
        TrainingSession.Run(Quick("swiss-roll"), journal, null, 1);
        string[] network =
        [
            "noise_fourier.freqs",
            "hidden0.weight",
            "hidden0.bias",
            "hidden1.weight",
            "hidden1.bias",
            "hidden2.weight",
            "hidden2.bias",
            "output.weight",
            "output.bias",
        ];
        string[] head = ["head.hidden.weight", "head.hidden.bias", "head.output.weight", "head.output.bias"];
        var score = network.Append("alpha_fourier.freqs").Select(n => $"score.{n}").Concat(head).ToList();
        static IEnumerable<string> Moments(string part, IEnumerable<string> names) =>
            names
                .Where(n => !n.EndsWith("freqs", StringComparison.Ordinal))
                .SelectMany(n => new[] { $"adamw.{part}.m.{n}", $"adamw.{part}.v.{n}" });
        var expected = network
            .SelectMany(n => new[] { $"ema.{n}", $"generator.{n}" })
            .Concat(score)
            .Concat(Moments("generator", network))
            .Concat(Moments("score", score))
            .Concat(["random.weights", "random.noise", "random.host", "random.data"]);
        Assert.Equal(expected.Order(StringComparer.Ordinal), Tensors(journal.Checkpoints[^1].Bytes).Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Run_DamagedCheckpoint_IsRefused()
    {
        var journal = new MemoryJournal();
        TrainingSession.Run(Quick("swiss-roll"), journal, null, 1);
        Assert.Throws<InvalidDataException>(() =>
            TrainingSession.Run(Quick("swiss-roll"), new MemoryJournal(), new MemoryStream(journal.Checkpoints[^1].Bytes[..^5]), 1)
        );
    }

    // a diffusion model of the same network and data, trained as shortly; null where the method distils nothing
    private static byte[]? TeacherFor(TrainingSpec spec)
    {
        if (spec.Method is not SmdSpec)
        {
            return null;
        }
        var journal = new MemoryJournal();
        TrainingSession.Run(spec with { Method = new DiffusionSpec { SamplerSteps = 2 } }, journal, null, 2);
        return journal.Checkpoints[^1].Bytes;
    }

    private static TrainingSpec Quick(string preset)
    {
        var spec = Presets.Find(preset)!.Spec;
        if (spec.Method is SmdSpec smd)
        {
            spec = spec with { Method = smd with { Teacher = "teacher" } };
        }
        // a tiny data set of the same layout stands in for the real one
        if (spec.Data is StoredDataSpec stored)
        {
            var tiny = DataFixture.Make(stored.GetType().Name);
            spec = spec with { Data = tiny with { Conditional = stored.Conditional, HorizontalFlips = stored.HorizontalFlips } };
        }
        if (spec.Data is FashionMnistSpec && !File.Exists(Path.Combine(FashionMnist.DefaultFolder, "train-images-idx3-ubyte.gz")))
        {
            Assert.Skip("Fashion-MNIST is not installed: apt-get install dataset-fashion-mnist");
        }
        return spec.ForQuickTest();
    }

    // a checkpoint whose score network holds a NaN, as a run in trouble would write
    internal static byte[] Poison(TrainingSpec spec)
    {
        var journal = new MemoryJournal { At = (5, TrainingSignal.Pause) };
        TrainingSession.Run(spec, journal, null, 1);
        var bytes = journal.Checkpoints[^1].Bytes;
        using var scope = torch.NewDisposeScope();
        var (read, progress, tensors, _) = CheckpointFile.Read(new MemoryStream(bytes), _ => true);
        using var none = torch.no_grad();
        tensors["score.output.bias"].fill_(double.NaN);
        using var stream = new MemoryStream();
        CheckpointFile.Write(stream, read, progress, tensors.Select(t => (t.Key, t.Value)));
        return stream.ToArray();
    }

    internal static Dictionary<string, string> Tensors(byte[] checkpoint)
    {
        using var scope = torch.NewDisposeScope();
        var tensors = CheckpointFile.Read(new MemoryStream(checkpoint), _ => true).Tensors;
        return tensors.ToDictionary(t => t.Key, t => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(t.Value.ToBytes())));
    }
}
