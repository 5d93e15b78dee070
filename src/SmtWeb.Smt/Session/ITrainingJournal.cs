namespace SmtWeb.Smt.Session;

/// <summary>
/// Where a training session writes what it does and reads what is asked of it. The session knows nothing of
/// databases or folders; the worker and the <c>train</c> command each bring a journal.
/// Calls come from one thread, in order. A call that throws ends the attempt.
/// </summary>
public interface ITrainingJournal
{
    /// <summary>What the user wants now; asked once per iteration, so it must be cheap.</summary>
    TrainingSignal Signal { get; }

    /// <summary>Whether somebody wants a run to go on although its data are not those that it began with.</summary>
    bool AcceptsChangedData => false;

    /// <summary>Points of the curves, oldest first. Values may be NaN or infinite.</summary>
    void Metrics(IReadOnlyList<MetricPoint> points);

    /// <summary>A picture: sample grid, interpolation strip or scatter plot.</summary>
    void Picture(PictureRecord picture);

    /// <summary>A distance between generated samples and data.</summary>
    void Evaluation(EvaluationRecord evaluation);

    /// <summary>
    /// A checkpoint. <paramref name="write"/> is called once, with a stream that need not be seekable.
    /// The checkpoint must become visible only when all of it is stored.
    /// </summary>
    /// <exception cref="IOException">It could not be stored (disk full, say); earlier checkpoints are intact.</exception>
    void Checkpoint(CheckpointRecord checkpoint, Action<Stream> write);

    /// <summary>
    /// The diffusion model that a distillation names as its teacher: the newest checkpoint of a run, or a file. Asked for once,
    /// and not when going on from a checkpoint. The caller disposes it.
    /// </summary>
    /// <exception cref="FileNotFoundException">There is none of that name; says what to name instead.</exception>
    Stream OpenTeacher(string teacher);

    /// <summary>A line of the run's log.</summary>
    void Log(LogLevel level, string message);
}

/// <summary>What the user wants of a running session.</summary>
public enum TrainingSignal
{
    /// <summary>Go on.</summary>
    Continue,

    /// <summary>Write a checkpoint and leave; the run will be resumed later.</summary>
    Pause,

    /// <summary>Write a checkpoint and leave for good.</summary>
    Stop,

    /// <summary>Leave at once without writing: the attempt no longer owns the run.</summary>
    Abandon,
}

/// <summary>Severity of a log line.</summary>
public enum LogLevel
{
    /// <summary>Progress.</summary>
    Information,

    /// <summary>Something the user should look at.</summary>
    Warning,

    /// <summary>The attempt ends because of this.</summary>
    Error,
}

/// <summary>
/// One point of a curve. <paramref name="Iteration"/> counts warm-up and training iterations together;
/// <paramref name="ImagesSeen"/> real samples; <paramref name="Seconds"/> is time spent in the run over all attempts.
/// </summary>
public readonly record struct MetricPoint(string Name, long Iteration, long ImagesSeen, double Seconds, double Value);

/// <summary>What a picture shows.</summary>
public enum PictureKind
{
    /// <summary>One row per class (or one block), same noise and class per cell in every grid of every run.</summary>
    Samples,

    /// <summary>Spherical interpolation between seeds, one row per pair.</summary>
    Interpolation,

    /// <summary>Two-dimensional samples over the data.</summary>
    Scatter,
}

/// <summary>
/// A PNG and how to read it. <paramref name="CellSize"/> is the side of one cell in pixels (0 for a plot);
/// <paramref name="RowLabels"/> are class names, one per row, or empty.
/// </summary>
public sealed record PictureRecord(
    PictureKind Kind,
    long Iteration,
    long ImagesSeen,
    int Rows,
    int Columns,
    int CellSize,
    IReadOnlyList<string> RowLabels,
    byte[] Png
)
{
    /// <summary>Most rows of a grid by class: of a thousand classes a few, evenly spread, are shown.</summary>
    public const int MostRows = 20;
}

/// <summary>
/// A distance as a record: never a bare number. <paramref name="Metric"/> is <c>fid</c> or <c>sw2</c> (sliced
/// Wasserstein-2). Hashes are lower-case hex SHA-256, empty where the metric uses no such thing.
/// </summary>
public sealed record EvaluationRecord(
    string Metric,
    double Value,
    long Iteration,
    long ImagesSeen,
    double Seconds,
    int Samples,
    long FirstSeed,
    string ReferenceHash,
    string FeatureNetworkHash,
    string Resize,
    string LabelDistribution,
    string Weights,
    bool Final
)
{
    /// <summary>How it was measured: <c>in-training</c>, or the name of a protocol.</summary>
    public string Protocol { get; init; } = "in-training";

    /// <summary>Data set of the reference; empty where the run's own is meant.</summary>
    public string Dataset { get; init; } = "";

    /// <summary>How values became bytes: <c>edm</c>, or <c>none</c> for points.</summary>
    public string Rounding { get; init; } = "edm";

    /// <summary>Steps per image: 1, 2 or 4, or the Heun steps of a diffusion model.</summary>
    public int Steps { get; init; } = 1;

    /// <summary>Repeats with other seeds; <see cref="Value"/> is the smallest.</summary>
    public int Repeats { get; init; } = 1;

    /// <summary>Mean over the repeats.</summary>
    public double? Mean { get; init; }

    /// <summary>Standard deviation over the repeats.</summary>
    public double? StandardDeviation { get; init; }

    /// <summary>Every metric of the same images (means over the repeats), the distance included.</summary>
    public IReadOnlyDictionary<string, double>? Metrics { get; init; }

    /// <summary>What to keep in mind when reading the numbers.</summary>
    public IReadOnlyList<string>? Warnings { get; init; }

    /// <summary>The stored checkpoint that was measured, where it was one.</summary>
    public long? CheckpointId { get; init; }
}

/// <summary>Facts of a checkpoint. <paramref name="Distance"/> was measured at this iteration; null where it was not.</summary>
public sealed record CheckpointRecord(long Iteration, long ImagesSeen, double Seconds, double? Distance, string Reason);

/// <summary>How a session ended.</summary>
public enum TrainingOutcome
{
    /// <summary>All iterations done.</summary>
    Finished,

    /// <summary>A checkpoint was written because of <see cref="TrainingSignal.Pause"/>.</summary>
    Paused,

    /// <summary>A checkpoint was written because of <see cref="TrainingSignal.Stop"/>.</summary>
    Stopped,

    /// <summary>Left without writing.</summary>
    Abandoned,

    /// <summary>
    /// Losses or gradients were not finite for several iterations in a row. No checkpoint was written since the first of them
    /// (<see cref="TrainingResult.FirstBadIteration"/>), so that the newest one is of before it.
    /// </summary>
    NotFinite,
}

/// <summary>How a session ended and why.</summary>
public sealed record TrainingResult(TrainingOutcome Outcome, string Reason)
{
    /// <summary>
    /// Of a run that is <see cref="TrainingOutcome.NotFinite"/>: the first iteration of those in a row that were skipped.
    /// </summary>
    public long? FirstBadIteration { get; init; }
}
