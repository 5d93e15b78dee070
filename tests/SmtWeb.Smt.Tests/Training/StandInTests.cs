using SmtWeb.Smt.Datasets;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Training;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Training;

/// <summary>
/// An iteration of every method on libtorch's meta device, which has shapes and no values: it stands in for a GPU. Whatever would
/// wait for one (reading a number, copying to the host, looking at labels) fails there, and copies to it are counted.
/// </summary>
public sealed class StandInTests : TensorTest
{
    private const int Every = 1000;

    public static TheoryData<string> Methods => [.. Specs().Keys];

    [Theory, MemberData(nameof(Methods))]
    public void Iterate_OnAStandIn_WaitsForNothing(string method)
    {
        var spec = Specs()[method];
        if (spec.Data is FashionMnistSpec && !File.Exists(Path.Combine(FashionMnist.DefaultFolder, "train-images-idx3-ubyte.gz")))
            Assert.Skip("Fashion-MNIST is not installed: apt-get install dataset-fashion-mnist");
        var (iterations, transfers) = (new List<long>(), new List<long>());
        using var state = new TrainingState(spec, torch.META);
        var loop = new TrainingLoop(state, new MemoryJournal(), null, "");
        // a turn of the warm-up, then two of the generator with what lies between; none on which a curve has a point
        var n = state.Method.IterationsPerGeneratorUpdate;
        var warmup = (long)spec.Method.Warmup();
        foreach (var k in (long[])[.. warmup > 0 ? [1L] : Array.Empty<long>(), .. Enumerable.Range(n, n + 1).Select(i => warmup + i)])
        {
            state.Progress = state.Progress with { Iteration = k };
            var (started, waited) = (HostTransfer.Started, HostTransfer.Waited);
            loop.Iterate();
            Assert.Equal(waited, HostTransfer.Waited);
            iterations.Add(k);
            transfers.Add(HostTransfer.Started - started);
        }
        Assert.All(transfers, count => Assert.InRange(count, 1, 32));
        Assert.Equal(transfers[^1], transfers[^(n + 1)]); // the generator's turns do the same every time
        loop.Dispose();
    }

    [Fact]
    public void StandIn_ReadingAValue_Fails()
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.ones([3], device: torch.META);
        Assert.ThrowsAny<Exception>(() => x.sum().ToDouble());
        Assert.ThrowsAny<Exception>(() => x.ToArray<float>());
    }

    private static Dictionary<string, TrainingSpec> Specs()
    {
        var roll = Presets.Find("swiss-roll")!.Spec;
        var images = Presets.Find("fashion-mnist-quick")!.Spec;
        images = images with
        {
            Network = (DdpmPpSpec)images.Network with { ModelChannels = 8, ChannelMultipliers = [1, 2], BlocksPerLevel = 1, AttentionResolutions = [16], ScoreDropout = 0.1 },
            Optimisation = images.Optimisation with { BatchSize = 8 },
        };
        TrainingSpec With(TrainingSpec spec, MethodSpec method) => spec with
        {
            Method = method,
            Optimisation = spec.Optimisation with { EmaHalfLives = [50] },
            Evaluation = spec.Evaluation with { MetricsEvery = Every, EveryIterations = 100 * Every, CheckpointEvery = 100 * Every },
        };
        return new()
        {
            ["smt, points"] = With(roll, new SmtSpec { WarmupIterations = 5, GeneratorSteps = 4, ScoreUpdatesPerGeneratorUpdate = 2, GanForm = GanForm.Paper }),
            ["smt, images"] = With(images, new SmtSpec { WarmupIterations = 5, ScoreUpdatesPerGeneratorUpdate = 5, FakeLabels = FakeLabels.Uniform }),
            ["reverse KL"] = With(roll, new ReverseKlSpec()),
            ["smd, released passes"] = With(images, new SmdSpec { Teacher = "t", DropRepeatedPasses = false, GanGeneratorWeight = 0.1 }),
            ["smd, three terms"] = With(roll, new SmdSpec { Teacher = "t", GeneratorSteps = 2 }),
            ["smd, joint"] = With(images, new SmdSpec { Teacher = "t", ScoreObjective = DistillationObjective.Joint }),
            ["diffusion"] = With(images, new DiffusionSpec()),
            ["gan"] = With(roll, new GanSpec()),
            ["diffusion gan"] = With(images, new DiffusionGanSpec()),
        };
    }
}
