using SmtWeb.Smt.Session;

namespace SmtWeb.Smt.Tests.Training;

/// <summary>Keeps what a session writes; pauses or stops it at a chosen iteration.</summary>
internal sealed class MemoryJournal : ITrainingJournal
{
    private long _iteration;

    internal List<MetricPoint> Points { get; } = [];

    internal List<PictureRecord> Pictures { get; } = [];

    internal List<EvaluationRecord> Evaluations { get; } = [];

    internal List<(CheckpointRecord Record, byte[] Bytes)> Checkpoints { get; } = [];

    internal List<(LogLevel Level, string Text)> Lines { get; } = [];

    /// <summary>Signal given once this many iterations have a point.</summary>
    internal (long Iteration, TrainingSignal Signal)? At { get; init; }

    /// <summary>Called with every evaluation before it is kept.</summary>
    internal Action<EvaluationRecord>? OnEvaluation { get; init; }

    public TrainingSignal Signal => At is { } at && _iteration >= at.Iteration ? at.Signal : TrainingSignal.Continue;

    public void Metrics(IReadOnlyList<MetricPoint> points)
    {
        Points.AddRange(points);
        _iteration = Math.Max(_iteration, points.Max(p => p.Iteration));
    }

    public void Picture(PictureRecord picture) => Pictures.Add(picture);

    public void Evaluation(EvaluationRecord evaluation)
    {
        OnEvaluation?.Invoke(evaluation);
        Evaluations.Add(evaluation);
    }

    public void Checkpoint(CheckpointRecord checkpoint, Action<Stream> write)
    {
        using var stream = new MemoryStream();
        write(stream);
        Checkpoints.Add((checkpoint, stream.ToArray()));
    }

    /// <summary>Checkpoint that any teacher's name stands for.</summary>
    internal byte[]? Teacher { get; init; }

    public Stream OpenTeacher(string teacher) =>
        new MemoryStream(Teacher ?? throw new FileNotFoundException($"There is no teacher {teacher}."));

    public void Log(LogLevel level, string message) => Lines.Add((level, message));
}
