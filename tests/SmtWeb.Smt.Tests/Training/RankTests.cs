using SmtWeb.Data.Formats;
using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Training;

/// <summary>Runs on several devices, every rank on a thread of its own: the numbers are those of one device.</summary>
public sealed class RankTests : TensorTest
{
    // A score network that has just been started from the warm-up does not tell α apart: the generator's direction would be
    // a quotient of rounding errors, which no two batch sizes share.
    private static SmtSpec Smt => ((SmtSpec)Presets.Find("swiss-roll")!.Spec.ForQuickTest().Method) with { ScoreFromWarmup = false };

    public static TheoryData<MethodSpec> Methods =>
        [
            Smt,
            new DiffusionSpec(),
            new GanSpec(),
            new SmdSpec { Teacher = "teacher", ScoreUpdatesPerGeneratorUpdate = 2 },
            new SmdSpec
            {
                Teacher = "teacher",
                ScoreUpdatesPerGeneratorUpdate = 2,
                ScoreObjective = DistillationObjective.Joint,
            },
        ];

    [Theory, MemberData(nameof(Methods))]
    public async Task Run_TwoRanksOfHalfABatch_EqualsOneRankUpToRounding(MethodSpec method)
    {
        var spec = Small(method);
        var teacher = method is SmdSpec ? Teacher(spec) : null;
        var alone = new MemoryJournal { Teacher = teacher };
        TrainingSession.Run(spec, alone, null, 1);
        var (together, silent) = await TwoRanks(spec, null, new MemoryJournal { Teacher = teacher });

        Close(alone, together);
        Assert.Equal(alone.Checkpoints.Count, together.Checkpoints.Count);
        Assert.Equal(alone.Evaluations.Count, together.Evaluations.Count);
        Assert.Empty(silent.Checkpoints);
        Assert.Empty(silent.Evaluations);
    }

    [Fact]
    public async Task Run_TwoRanksThatSplitTheirRows_EqualOneThatDoesNot()
    {
        if (!File.Exists(Path.Combine(FashionMnist.DefaultFolder, "train-images-idx3-ubyte.gz")))
        {
            Assert.Skip("Fashion-MNIST is not installed: apt-get install dataset-fashion-mnist");
        }
        var roll = Small(Smt);
        var spec = Presets.Find("fashion-mnist-quick")!.Spec.ForQuickTest();
        // 16 rows a rank, the fewest that are split. A fresh U-Net's output is next to 0, so that w_α would be a quotient of rounding
        // errors.
        spec = spec with
        {
            Method = (SmtSpec)spec.Method with { ScoreFromWarmup = false, AdaptiveWeight = AdaptiveWeight.DmdOnly },
            Optimisation = spec.Optimisation with { BatchSize = 2 * RowSplit.FewestRows },
            Hardware = roll.Hardware with { Precision = Precision.Float32, Threads = 2 },
            Evaluation = roll.Evaluation with { Measure = EvaluationMeasure.Quick },
        };
        var alone = new MemoryJournal();
        TrainingSession.Run(spec with { Hardware = spec.Hardware with { Threads = 1 } }, alone, null, 1);
        var (together, _) = await TwoRanks(spec, null, split: true);
        Close(alone, together);
        Assert.Contains(together.Points, p => p.Name == MetricNames.DiscriminatorLoss);
    }

    [Fact]
    public async Task Run_CheckpointOfTwoRanks_GoesOnWithOne()
    {
        var spec = Small(Smt);
        var (whole, _) = await TwoRanks(spec, null);
        var first = whole.Checkpoints[0];
        var rest = new MemoryJournal();
        TrainingSession.Run(spec, rest, new MemoryStream(first.Bytes), 1);
        var (again, _) = await TwoRanks(spec, first.Bytes);
        var tail = whole.Points.Where(p => Timeless(p) && p.Iteration > first.Record.Iteration).ToList();
        Assert.NotEmpty(tail);
        foreach (var journal in new[] { rest, again })
        {
            foreach (var (a, b) in tail.Zip(journal.Points.Where(Timeless), (a, b) => (a, b)))
            {
                Assert.Equal((a.Name, a.Iteration), (b.Name, b.Iteration));
                Assert.True(Math.Abs(a.Value - b.Value) <= 1e-4 + (1e-3 * Math.Abs(a.Value)), $"{a} against {b.Value}");
            }
        }
    }

    [Fact]
    public async Task Run_PausedByTheUserOfRankZero_PausesBoth()
    {
        var spec = Small(Smt);
        var (first, _) = await TwoRanks(spec, null, new MemoryJournal { At = (5, TrainingSignal.Pause) });
        Assert.Equal(5, first.Checkpoints[^1].Record.Iteration);
        Assert.Equal("paused", first.Checkpoints[^1].Record.Reason);
    }

    [Fact]
    public async Task Run_RankZeroBusyForLongerThanThePatience_IsWaitedFor()
    {
        var patience = TimeSpan.FromSeconds(4);
        var waits = 0;
        // as when a large data set is measured before the first evaluation
        var busy = new MemoryJournal
        {
            OnEvaluation = _ =>
            {
                if (waits++ == 0)
                {
                    TestContext.Current.CancellationToken.WaitHandle.WaitOne(2.25 * patience);
                }
            },
        };
        var spec = Small(Smt);
        var (first, second) = await TwoRanks(spec, null, busy, patience: patience);
        Assert.True(waits > 1);
        foreach (var journal in new[] { first, second })
        {
            Assert.Equal(spec.Method.Warmup() + spec.Optimisation.Iterations, journal.Points.Max(p => p.Iteration));
        }
    }

    [Fact]
    public async Task Run_RankZeroFailsAlone_EndsTheOthersWithIt()
    {
        var failing = new MemoryJournal { OnEvaluation = _ => throw new IOException("the disk is full") };
        var error = await Assert.ThrowsAsync<IOException>(() => TwoRanks(Small(Smt), null, failing, patience: TimeSpan.FromSeconds(30)));
        Assert.Contains("the disk is full", error.Message);
    }

    private static void Close(MemoryJournal alone, MemoryJournal together)
    {
        Assert.Equal(
            alone.Points.Where(Timeless).Select(p => (p.Name, p.Iteration)),
            together.Points.Where(Timeless).Select(p => (p.Name, p.Iteration))
        );
        foreach (var (a, b) in alone.Points.Where(Timeless).Zip(together.Points.Where(Timeless)))
        {
            Assert.True(Math.Abs(a.Value - b.Value) <= 1e-4 + (1e-3 * Math.Abs(a.Value)), $"{a} against {b.Value}");
        }
    }

    private static byte[] Teacher(TrainingSpec spec)
    {
        var journal = new MemoryJournal();
        TrainingSession.Run(spec with { Method = new DiffusionSpec { SamplerSteps = 2 } }, journal, null, 1);
        return journal.Checkpoints[^1].Bytes;
    }

    private static bool Timeless(MetricPoint p) => !p.Name.StartsWith("speed/", StringComparison.Ordinal);

    private static TrainingSpec Small(MethodSpec method)
    {
        Torch.TorchRuntime.Initialize();
        Assert.SkipUnless(
            ProcessGroup.Has(ProcessGroup.Gloo),
            "The shim was built without c10d's Gloo (libtorch's distributed headers were not found)."
        );
        var spec = Presets.Find("swiss-roll")!.Spec.ForQuickTest();
        return spec with
        {
            Method = method,
            Hardware = spec.Hardware with { Device = DeviceChoice.Cpu, Threads = 1 },
            Evaluation = spec.Evaluation with { Samples = 16, FinalSamples = 16 },
        };
    }

    private static async Task<(MemoryJournal First, MemoryJournal Second)> TwoRanks(
        TrainingSpec spec,
        byte[]? checkpoint,
        MemoryJournal? first = null,
        bool split = false,
        TimeSpan? patience = null
    )
    {
        using var store = new TcpStore("127.0.0.1", 0, serve: true, TimeSpan.FromSeconds(60));
        var (port, a, b) = (store.Port, first ?? new MemoryJournal(), new MemoryJournal());
        Task<TrainingResult> Rank(int rank, MemoryJournal journal) =>
            Task.Factory.StartNew(
                () =>
                {
                    var result = TrainingSession.RunRank(
                        spec,
                        journal,
                        rank == 0 && checkpoint is not null ? new MemoryStream(checkpoint) : null,
                        spec.Hardware.Threads,
                        "127.0.0.1",
                        port,
                        rank,
                        2,
                        patience: patience
                    );
                    Assert.Equal(split, RowSplit.Enabled);
                    return result;
                },
                TaskCreationOptions.LongRunning
            );
        var results = await Task.WhenAll(Rank(0, a), Rank(1, b));
        Assert.Equal(results[0].Outcome, results[1].Outcome);
        return (a, b);
    }
}
