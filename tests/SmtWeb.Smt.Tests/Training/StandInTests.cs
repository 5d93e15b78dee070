using SmtWeb.Data.Formats;
using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Training;

/// <summary>
/// An iteration of every method where the CPU stands in for a GPU: everything takes the way that it takes there, and what would
/// wait for the device is counted.
/// </summary>
public sealed class StandInTests : TensorTest
{
    private const int Every = 1000;

    public StandInTests() => HostTransfer.StandIn = true;

    public static TheoryData<string> Methods => [.. Specs().Keys];

    public override void Dispose()
    {
        HostTransfer.StandIn = false;
        // a run that pauses for what is not finite leaves the norms of its last step to the collector
        GC.Collect();
        GC.WaitForPendingFinalizers();
        base.Dispose();
    }

    [Theory, MemberData(nameof(Methods))]
    public void Iterate_OnAStandIn_WaitsForNothing(string method)
    {
        var spec = Specs()[method];
        if (spec.Data is FashionMnistSpec && !File.Exists(Path.Combine(FashionMnist.DefaultFolder, "train-images-idx3-ubyte.gz")))
        {
            Assert.Skip("Fashion-MNIST is not installed: apt-get install dataset-fashion-mnist");
        }
        using var state = new TrainingState(spec, torch.CPU);
        using var loop = new TrainingLoop(state, new MemoryJournal(), null, "");
        // a turn of the warm-up, then two of the generator with what lies between; none on which a curve has a point
        var (n, warmup, transfers) = (state.Method.IterationsPerGeneratorUpdate, (long)spec.Method.Warmup(), new List<long>());
        foreach (var k in (long[])[.. warmup > 0 ? [1L] : Array.Empty<long>(), .. Enumerable.Range(n, n + 1).Select(i => warmup + i)])
        {
            state.Progress = state.Progress with { Iteration = k };
            var before = (HostTransfer.Started, HostTransfer.Waited, HostTransfer.ReadBack);
            loop.Iterate();
            Assert.Equal((before.Waited, before.ReadBack), (HostTransfer.Waited, HostTransfer.ReadBack));
            transfers.Add(HostTransfer.Started - before.Started);
        }
        Assert.All(transfers, count => Assert.InRange(count, 1, 32));
        Assert.Equal(transfers[^1], transfers[^(n + 1)]); // the generator's turns do the same every time
        Assert.True(state.Method.Parts[0].Optimizer.Steps > 0);
        Assert.All(state.Average.StateEntries(), e => Assert.All(e.Value.ToArray<float>(), v => Assert.True(float.IsFinite(v))));
    }

    [Fact]
    public void Iterate_WhereACurveHasAPoint_ReadsIt()
    {
        var spec = Specs()["smt, points"];
        using var state = new TrainingState(spec, torch.CPU);
        var journal = new MemoryJournal();
        using var loop = new TrainingLoop(state, journal, null, "");
        state.Progress = state.Progress with { Iteration = (2 * Every) - 1 };
        var before = HostTransfer.ReadBack;
        loop.Iterate();
        Assert.InRange(HostTransfer.ReadBack - before, 1, 16);
        Assert.Contains(journal.Points, p => p.Name == MetricNames.ScoreGradient && p.Value > 0);
    }

    [Fact]
    public void Run_OnAStandIn_LearnsWhatTheCpuLearns()
    {
        var spec = Presets.Find("swiss-roll")!.Spec.ForQuickTest() with { Method = new SmtSpec { WarmupIterations = 3 } };
        var there = new MemoryJournal();
        TrainingSession.Run(spec, there, null, 1);
        HostTransfer.StandIn = false;
        var here = new MemoryJournal();
        TrainingSession.Run(spec, here, null, 1);
        var pairs = here
            .Points.Where(p => !p.Name.StartsWith("speed/", StringComparison.Ordinal))
            .Zip(there.Points.Where(p => !p.Name.StartsWith("speed/", StringComparison.Ordinal)))
            .ToList();
        Assert.NotEmpty(pairs);
        Assert.All(
            pairs,
            p =>
            {
                Assert.Equal((p.First.Name, p.First.Iteration), (p.Second.Name, p.Second.Iteration));
                Assert.Equal(p.First.Value, p.Second.Value, 1e-2 * Math.Max(1, Math.Abs(p.First.Value)));
            }
        );
    }

    [Fact]
    public void Run_NotFiniteOnAStandIn_EndsWhenItIsNoticedAndNamesTheFirst()
    {
        var spec = Presets.Find("swiss-roll")!.Spec.ForQuickTest();
        spec = spec with
        {
            Method = new SmtSpec { WarmupIterations = 0 },
            Optimisation = spec.Optimisation with { Iterations = 40 },
            Evaluation = spec.Evaluation with { MetricsEvery = 5, EveryIterations = 100, CheckpointEvery = 100 },
        };
        HostTransfer.StandIn = false;
        var poisoned = TrainingSessionTests.Poison(spec);
        HostTransfer.StandIn = true;
        var journal = new MemoryJournal();
        var result = TrainingSession.Run(spec, journal, new MemoryStream(poisoned), 1);
        Assert.Equal((TrainingOutcome.NotFinite, 6L), (result.Outcome, result.FirstBadIteration));
        Assert.Empty(journal.Checkpoints);
        Assert.Contains(journal.Points, p => p.Name == MetricNames.SkippedSteps && p.Value >= 3);
    }

    private static Dictionary<string, TrainingSpec> Specs()
    {
        var roll = Presets.Find("swiss-roll")!.Spec;
        var images = Presets.Find("fashion-mnist-quick")!.Spec;
        images = images with
        {
            Network = (DdpmPpSpec)images.Network with
            {
                ModelChannels = 8,
                ChannelMultipliers = [1, 2],
                BlocksPerLevel = 1,
                AttentionResolutions = [16],
                ScoreDropout = 0.1,
            },
            Optimisation = images.Optimisation with { BatchSize = 8 },
        };
        TrainingSpec With(TrainingSpec spec, MethodSpec method) =>
            spec with
            {
                Method = method,
                Optimisation = spec.Optimisation with { EmaHalfLives = [50] },
                Evaluation = spec.Evaluation with { MetricsEvery = Every, EveryIterations = 100 * Every, CheckpointEvery = 100 * Every },
            };
        return new()
        {
            ["smt, points"] = With(
                roll,
                new SmtSpec
                {
                    WarmupIterations = 5,
                    GeneratorSteps = 4,
                    ScoreUpdatesPerGeneratorUpdate = 2,
                    GanForm = GanForm.Paper,
                }
            ),
            ["smt, images"] = With(
                images,
                new SmtSpec
                {
                    WarmupIterations = 5,
                    ScoreUpdatesPerGeneratorUpdate = 5,
                    FakeLabels = FakeLabels.Uniform,
                }
            ),
            ["reverse KL"] = With(roll, new ReverseKlSpec()),
            ["smd, released passes"] = With(
                images,
                new SmdSpec
                {
                    Teacher = "t",
                    DropRepeatedPasses = false,
                    GanGeneratorWeight = 0.1,
                }
            ),
            ["smd, three terms"] = With(roll, new SmdSpec { Teacher = "t", GeneratorSteps = 2 }),
            ["smd, joint"] = With(images, new SmdSpec { Teacher = "t", ScoreObjective = DistillationObjective.Joint }),
            ["diffusion"] = With(images, new DiffusionSpec()),
            ["gan"] = With(roll, new GanSpec()),
            ["diffusion gan"] = With(images, new DiffusionGanSpec()),
        };
    }
}
