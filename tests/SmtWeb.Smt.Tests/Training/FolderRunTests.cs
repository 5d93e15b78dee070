using SmtWeb.Data.Formats;
using SmtWeb.Data.Weights;
using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Tests.Training;

/// <summary>Whole runs into a folder, as <c>smtweb train spec.json --out folder</c> makes them.</summary>
public sealed class FolderRunTests : TensorTest
{
    private readonly string _folder = Directory.CreateTempSubdirectory("smtweb-run-").FullName;

    public static TheoryData<string> PresetNames => ["swiss-roll", "fashion-mnist-quick", "fig5/reverse-kl"];

    public override void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        base.Dispose();
    }

    [Theory]
    [MemberData(nameof(PresetNames))]
    public void Run_QuickTestOfPreset_FinishesWithItsFiles(string name)
    {
        var spec = Presets.Find(name)!.Spec.ForQuickTest();
        Assert.SkipWhen(
            spec.Data is FashionMnistSpec && !Directory.Exists(SmtWeb.Data.Formats.FashionMnist.DefaultFolder),
            "The Debian package dataset-fashion-mnist is not installed."
        );
        var console = new StringWriter();
        using (var journal = new FolderJournal(_folder, spec, console, terminal: false))
        {
            Assert.Equal(TrainingOutcome.Finished, TrainingSession.Run(spec, journal, null, threads: 2).Outcome);
        }

        Assert.NotEmpty(Directory.GetFiles(_folder, "*.png", SearchOption.AllDirectories));
        Assert.NotEmpty(File.ReadAllLines(Path.Combine(_folder, "evaluations.jsonl")));
        Assert.Contains(File.ReadAllLines(Path.Combine(_folder, "metrics.jsonl")), line => line.Contains(MetricNames.ScoreLoss));
        using (var again = new FolderJournal(_folder, spec, console, terminal: false))
        using (var checkpoint = File.OpenRead(again.CheckpointPath!))
        {
            Assert.Equal(TrainingOutcome.Finished, TrainingSession.Run(spec, again, checkpoint, threads: 2).Outcome);
        }
    }

    [Theory]
    [MemberData(nameof(PresetNames))]
    public void Run_PausedAndResumed_EndsWithTheSameBits(string name)
    {
        var spec = Presets.Find(name)!.Spec.ForQuickTest();
        Assert.SkipWhen(
            spec.Data is FashionMnistSpec && !Directory.Exists(SmtWeb.Data.Formats.FashionMnist.DefaultFolder),
            "The Debian package dataset-fashion-mnist is not installed."
        );
        var (straight, broken) = (Path.Combine(_folder, "straight"), Path.Combine(_folder, "broken"));
        Assert.Equal(TrainingOutcome.Finished, Run(spec, straight, pauseAt: long.MaxValue));
        Assert.Equal(TrainingOutcome.Paused, Run(spec, broken, pauseAt: 2));
        Assert.Equal(TrainingOutcome.Paused, Run(spec, broken, pauseAt: 7));
        Assert.Equal(TrainingOutcome.Finished, Run(spec, broken, pauseAt: long.MaxValue));

        var (expected, actual) = (LastCheckpoint(straight, spec), LastCheckpoint(broken, spec));
        Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
        foreach (var (tensor, value) in expected)
        {
            Assert.True(value.Bytes.AsSpan().SequenceEqual(actual[tensor].Bytes), $"{tensor} differs after resuming.");
        }

        // One curve: each iteration has each metric once.
        var lines = File.ReadAllLines(Path.Combine(broken, "metrics.jsonl"))
            .Select(l => System.Text.Json.JsonDocument.Parse(l).RootElement)
            .Select(m => (m.GetProperty("name").GetString(), m.GetProperty("iteration").GetInt64()))
            .ToList();
        Assert.Equal(lines.Distinct().Count(), lines.Count);
        Assert.Equal(File.ReadAllLines(Path.Combine(straight, "metrics.jsonl")).Length, lines.Count);
    }

    private static TrainingOutcome Run(TrainingSpec spec, string folder, long pauseAt)
    {
        using var journal = new FolderJournal(folder, spec, TextWriter.Null, terminal: false);
        using var checkpoint = journal.CheckpointPath is { } path ? File.OpenRead(path) : null;
        return TrainingSession.Run(spec, new PausingJournal(journal, pauseAt), checkpoint, threads: 2).Outcome;
    }

    private static IReadOnlyDictionary<string, (SafetensorsEntry Entry, byte[] Bytes)> LastCheckpoint(string folder, TrainingSpec spec)
    {
        using var journal = new FolderJournal(folder, spec, TextWriter.Null, terminal: false);
        return SafetensorsReader.ReadFile(journal.CheckpointPath!).Tensors;
    }

    /// <summary>Pauses a run once it has shown a metric of an iteration, as Ctrl+C would.</summary>
    private sealed class PausingJournal(FolderJournal inner, long pauseAt) : ITrainingJournal
    {
        public TrainingSignal Signal => inner.Signal;

        public void Metrics(IReadOnlyList<MetricPoint> points)
        {
            inner.Metrics(points);
            if (points.Any(p => p.Iteration >= pauseAt))
            {
                inner.Pause();
            }
        }

        public void Picture(PictureRecord picture) => inner.Picture(picture);

        public void Evaluation(EvaluationRecord evaluation) => inner.Evaluation(evaluation);

        public void Checkpoint(CheckpointRecord checkpoint, Action<Stream> write) => inner.Checkpoint(checkpoint, write);

        public Stream OpenTeacher(string teacher) => inner.OpenTeacher(teacher);

        public void Log(LogLevel level, string message) => inner.Log(level, message);
    }
}
