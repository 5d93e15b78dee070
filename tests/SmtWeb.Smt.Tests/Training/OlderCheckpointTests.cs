using System.Reflection;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Weights;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Training;

/// <summary>Checkpoints that the program wrote on another libtorch go on: with their weights, averages and optimizers.</summary>
public sealed class OlderCheckpointTests : TensorTest
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)] // generators were on the GPU then, and their state is another
    public void Run_CheckpointOfAnOlderLibtorch_GoesOnAndSaysThatRandomNumbersDiffer(bool ofGpu)
    {
        var spec = Presets.Find("swiss-roll")!.Spec.ForQuickTest() with { Method = new SmtSpec { WarmupIterations = 3 } };
        var first = new MemoryJournal { At = (6, TrainingSignal.Pause) };
        TrainingSession.Run(spec, first, null, 1);
        var old = Older(first.Checkpoints[^1].Bytes, ofGpu);

        using (var state = new TrainingState(spec, torch.CPU))
        {
            state.Load(new MemoryStream(old));
            using var again = new MemoryStream();
            state.Save(again);
            Assert.Equal(Weights(first.Checkpoints[^1].Bytes), Weights(again.ToArray()));
        }

        var journal = new MemoryJournal();
        Assert.Equal(TrainingOutcome.Finished, TrainingSession.Run(spec, journal, new MemoryStream(old), 1).Outcome);
        Assert.All(journal.Points, p => Assert.True(double.IsFinite(p.Value), $"{p}"));
        Assert.Contains(
            journal.Lines,
            l =>
                l.Text.Contains("libtorch 1.13.1", StringComparison.Ordinal)
                && l.Text.Contains("random numbers go on differently", StringComparison.Ordinal)
        );
        Assert.DoesNotContain(first.Lines, l => l.Text.Contains("go on differently", StringComparison.Ordinal));
    }

    /// <summary>
    /// Files that commit f93fc72 wrote at its iteration 12, on Debian's libtorch 1.13 through its own binding: presets made small, with two
    /// threads.
    /// </summary>
    [Theory]
    [InlineData("swiss-roll")]
    [InlineData("fashion-mnist-quick")] // in bfloat16
    public void Run_CheckpointOfCommitF93fc72_GoesOnWithItsNumbers(string preset)
    {
        var root = typeof(OlderCheckpointTests)
            .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(a => a.Key == "RepoRoot")
            .Value!;
        var old = File.ReadAllBytes(Path.Combine(root, "tests", "SmtWeb.Smt.Tests", "Training", "f93fc72", preset + ".safetensors"));
        var reader = SafetensorsReader.Open(new MemoryStream(old));
        Assert.StartsWith("1.13.", reader.Metadata["libtorch"], StringComparison.Ordinal);
        var (spec, errors) = SpecJson.Parse(reader.Metadata["spec"]);
        Assert.Empty(errors);
        Assert.SkipWhen(
            spec!.Data is FashionMnistSpec && !Directory.Exists(FashionMnist.DefaultFolder),
            "The Debian package dataset-fashion-mnist is not installed."
        );

        using (var state = new TrainingState(spec, torch.CPU))
        {
            state.Load(new MemoryStream(old));
            using var again = new MemoryStream();
            state.Save(again);
            Assert.Equal(Weights(old), Weights(again.ToArray()));
        }

        var journal = new MemoryJournal();
        Assert.Equal(TrainingOutcome.Finished, TrainingSession.Run(spec, journal, new MemoryStream(old), 2).Outcome);
        Assert.All(journal.Points, p => Assert.True(double.IsFinite(p.Value), $"{p}"));
        Assert.Equal(spec.Method.Warmup() + spec.Optimisation.Iterations, journal.Checkpoints[^1].Record.Iteration);
        Assert.Contains(
            journal.Lines,
            l =>
                l.Text.Contains("libtorch 1.13.", StringComparison.Ordinal)
                && l.Text.Contains("random numbers go on differently", StringComparison.Ordinal)
        );
    }

    private static byte[] Older(byte[] checkpoint, bool ofGpu)
    {
        var reader = SafetensorsReader.Open(new MemoryStream(checkpoint));
        var metadata = reader.Metadata.ToDictionary(m => m.Key, m => m.Key == "libtorch" ? "1.13.1" : m.Value);
        var tensors = new List<SafetensorsSource>();
        foreach (var entry in reader.Entries)
        {
            var bytes = reader.Read(entry).ToArray();
            var isDevice = ofGpu && entry.Name is "random.weights" or "random.noise";
            tensors.Add(
                isDevice
                    ? new SafetensorsSource(entry.Name, SafetensorsType.U8, [16], new byte[16])
                    : new SafetensorsSource(entry.Name, entry.Type, entry.Shape, bytes)
            );
        }
        using var file = new MemoryStream();
        SafetensorsWriter.Write(file, tensors, metadata);
        return file.ToArray();
    }

    private static Dictionary<string, string> Weights(byte[] checkpoint)
    {
        var reader = SafetensorsReader.Open(new MemoryStream(checkpoint));
        return reader
            .Entries.ToDictionary(e => e.Name, e => Convert.ToHexString(reader.Read(e).ToArray()))
            .Where(e => !e.Key.StartsWith("random.", StringComparison.Ordinal))
            .ToDictionary();
    }
}
