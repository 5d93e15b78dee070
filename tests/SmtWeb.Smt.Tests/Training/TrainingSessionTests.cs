using SmtWeb.Smt.Datasets;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Training;

namespace SmtWeb.Smt.Tests.Training;

/// <summary>Whole runs, made small: what they write, that they resume bit for bit, and how they end when they cannot go on.</summary>
public sealed class TrainingSessionTests : TensorTest
{
    public static TheoryData<string> PresetNames => [.. Presets.All.Select(p => p.Name)];

    [Theory, MemberData(nameof(PresetNames))]
    public void Run_EveryPresetMadeSmall_FinishesWithItsRecords(string preset)
    {
        var spec = Quick(preset);
        var journal = new MemoryJournal();
        var result = TrainingSession.Run(spec, journal, null, 2);
        Assert.Equal(TrainingOutcome.Finished, result.Outcome);
        var total = spec.Method.Warmup() + spec.Optimisation.Iterations;
        Assert.Equal(total, journal.Points.Max(p => p.Iteration));
        Assert.All(journal.Points, p => Assert.True(double.IsFinite(p.Value), $"{p}"));
        Assert.Contains(journal.Points, p => p.Name == MetricNames.GeneratorLoss);
        Assert.True(journal.Evaluations[^1].Final);
        Assert.Equal(spec.Evaluation.FinalSamples, journal.Evaluations[^1].Samples);
        Assert.Equal(total, journal.Checkpoints[^1].Record.Iteration);
        Assert.All(journal.Pictures, p => Assert.Equal([0x89, 0x50, 0x4E, 0x47], p.Png[..4]));
        Assert.Contains(journal.Pictures, p => p.Kind == (spec.Data is SwissRollSpec ? PictureKind.Scatter : PictureKind.Samples));
    }

    [Theory]
    [InlineData("swiss-roll", 7)]
    [InlineData("fashion-mnist-quick", 2)]
    [InlineData("fashion-mnist-quick", 7)]
    public void Run_PausedAndResumed_GivesTheSameNumbersBitForBit(string preset, int pauseAt)
    {
        // dropout too: its draws belong to the state
        var spec = Quick(preset);
        if (spec.Network is DdpmPpSpec unet) spec = spec with { Network = unet with { ScoreDropout = 0.1 } };
        var whole = new MemoryJournal();
        TrainingSession.Run(spec, whole, null, 2);

        var first = new MemoryJournal { At = (pauseAt, TrainingSignal.Pause) };
        Assert.Equal(TrainingOutcome.Paused, TrainingSession.Run(spec, first, null, 2).Outcome);
        Assert.Equal(pauseAt, first.Checkpoints[^1].Record.Iteration);
        var second = new MemoryJournal();
        TrainingSession.Run(spec, second, new MemoryStream(first.Checkpoints[^1].Bytes), 2);

        static IEnumerable<(string, long, double)> Curve(IEnumerable<MetricPoint> points) =>
            points.Where(p => !p.Name.StartsWith("speed/", StringComparison.Ordinal)).Select(p => (p.Name, p.Iteration, p.Value));
        Assert.Equal(Curve(whole.Points), Curve(first.Points.Concat(second.Points)));
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
    public void Run_NotFinite_SkipsCountsAndPausesAfterThreeInARow()
    {
        var quick = Quick("swiss-roll");
        // a rate this large makes the weights overflow within a few steps
        var spec = quick with { Optimisation = quick.Optimisation with { Iterations = 400, ScoreRate = 1, WeightDecay = 0, Beta1 = 0, Beta2 = 0 }, Data = new SwissRollSpec { Noise = 5 } };
        var poisoned = Poison(spec);
        var journal = new MemoryJournal();
        var result = TrainingSession.Run(spec, journal, new MemoryStream(poisoned), 1);
        Assert.Equal(TrainingOutcome.Paused, result.Outcome);
        Assert.Contains("not finite", result.Reason);
        Assert.Equal(3, journal.Points.Last(p => p.Name == MetricNames.SkippedSteps).Value);
        Assert.Equal(3, journal.Lines.Count(l => l.Level == LogLevel.Warning));
        Assert.Contains(journal.Points, p => double.IsNaN(p.Value));
    }

    [Fact]
    public void Run_CheckpointOfAnotherNetwork_NamesTheTensor()
    {
        var journal = new MemoryJournal();
        TrainingSession.Run(Quick("swiss-roll"), journal, null, 1);
        var error = Assert.Throws<InvalidDataException>(() => TrainingSession.Run(Quick("fashion-mnist-quick"), new MemoryJournal(), new MemoryStream(journal.Checkpoints[^1].Bytes), 1));
        Assert.Contains("belongs to another network", error.Message);
        Assert.Contains("ema.", error.Message);
    }

    [Fact]
    public void Run_DamagedCheckpoint_IsRefused()
    {
        var journal = new MemoryJournal();
        TrainingSession.Run(Quick("swiss-roll"), journal, null, 1);
        Assert.Throws<InvalidDataException>(() => TrainingSession.Run(Quick("swiss-roll"), new MemoryJournal(), new MemoryStream(journal.Checkpoints[^1].Bytes[..^5]), 1));
    }

    private static TrainingSpec Quick(string preset)
    {
        var spec = Presets.Find(preset)!.Spec;
        if (spec.Data is FashionMnistSpec && !File.Exists(Path.Combine(FashionMnist.DefaultFolder, "train-images-idx3-ubyte.gz")))
            Assert.Skip("Fashion-MNIST is not installed: apt-get install dataset-fashion-mnist");
        return spec.ForQuickTest();
    }

    // a checkpoint whose score network holds a NaN, as a run in trouble would write
    private static byte[] Poison(TrainingSpec spec)
    {
        var journal = new MemoryJournal { At = (5, TrainingSignal.Pause) };
        TrainingSession.Run(spec, journal, null, 1);
        var bytes = journal.Checkpoints[^1].Bytes;
        using var scope = Torch.torch.NewDisposeScope();
        var (read, progress, tensors) = CheckpointFile.Read(new MemoryStream(bytes), _ => true);
        using var _ = Torch.torch.no_grad();
        tensors["score.output.bias"].fill_(double.NaN);
        using var stream = new MemoryStream();
        CheckpointFile.Write(stream, read, progress, tensors.Select(t => (t.Key, t.Value)));
        return stream.ToArray();
    }

    private static Dictionary<string, string> Tensors(byte[] checkpoint)
    {
        using var scope = Torch.torch.NewDisposeScope();
        var (_, _, tensors) = CheckpointFile.Read(new MemoryStream(checkpoint), _ => true);
        return tensors.ToDictionary(t => t.Key, t => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(t.Value.ToBytes())));
    }
}
