namespace SmtWeb.Runs.Entities;

/// <summary>
/// A run as stored. The row is the truth about the run, whatever Hangfire holds, and the lock that every write of an attempt takes.
/// </summary>
public sealed class RunRow
{
    /// <summary>Identity; older runs have smaller ids.</summary>
    public long Id { get; set; }

    /// <summary>Name for people.</summary>
    public required string Name { get; set; }

    /// <summary>Preset it came from, if any.</summary>
    public string? Preset { get; set; }

    /// <summary><c>kind</c> of the method, for lists.</summary>
    public required string Method { get; set; }

    /// <summary><c>kind</c> of the data, for lists.</summary>
    public required string Data { get; set; }

    /// <summary>The fully resolved spec (jsonb).</summary>
    public required string Spec { get; set; }

    /// <summary>SHA-256 of the spec's canonical JSON, lower-case hex.</summary>
    public required string SpecHash { get; set; }

    /// <summary>
    /// The run that a distillation names as its teacher (from the spec, so that SQL can wait for it); that run may be gone.
    /// </summary>
    public long? TeacherRunId { get; set; }

    /// <summary>Checkpoints kept beside the best one (from the spec, so that SQL can prune).</summary>
    public int CheckpointsKept { get; set; }

    /// <summary>The run whose checkpoint it was forked from; that run may be gone.</summary>
    public long? ParentRunId { get; set; }

    /// <summary>The iteration at which it was forked.</summary>
    public long? ForkedAt { get; set; }

    /// <summary>State as people see it.</summary>
    public RunState State { get; set; }

    /// <summary>Why it is in that state, where that is not plain.</summary>
    public string? StateReason { get; set; }

    /// <summary>What is asked of the trainer that holds the run.</summary>
    public RunRequest Request { get; set; }

    /// <summary>Higher runs first.</summary>
    public int Priority { get; set; }

    /// <summary>Number of the newest attempt: the fencing token of every write.</summary>
    public int Attempt { get; set; }

    /// <summary>
    /// The Hangfire job of the run's present episode, or of its last one: from being queued until it is paused or has ended.
    /// </summary>
    public long? JobId { get; set; }

    /// <summary>Attempts lost in a row without a new checkpoint.</summary>
    public int FruitlessAttempts { get; set; }

    /// <summary>Not claimed before this moment (back-off after a lost attempt).</summary>
    public DateTimeOffset? NotBefore { get; set; }

    /// <summary>The <see cref="WorkerRow"/> that holds it.</summary>
    public Guid? WorkerId { get; set; }

    /// <summary>The attempt is taken for lost when this passes.</summary>
    public DateTimeOffset? LeaseUntil { get; set; }

    /// <summary>Last sign of life of the trainer.</summary>
    public DateTimeOffset? Heartbeat { get; set; }

    /// <summary>Iterations done, warm-up included.</summary>
    public long Iteration { get; set; }

    /// <summary>Iterations to do, warm-up included.</summary>
    public long TotalIterations { get; set; }

    /// <summary>Speed of the newest metric point.</summary>
    public double? ImagesPerSecond { get; set; }

    /// <summary>Training steps skipped because a loss or gradient was not finite.</summary>
    public long SkippedSteps { get; set; }

    /// <summary>The iteration from which on losses or gradients were not finite, where the run failed for that.</summary>
    public long? FirstBadIteration { get; set; }

    /// <summary>Time spent training over all attempts.</summary>
    public double Seconds { get; set; }

    /// <summary>Name of the distance (<c>fid</c>, <c>sw2</c>).</summary>
    public string? DistanceMetric { get; set; }

    /// <summary>Newest distance.</summary>
    public double? Distance { get; set; }

    /// <summary>Smallest distance that was measured on one of its whole checkpoints.</summary>
    public double? BestDistance { get; set; }

    /// <summary>When it was queued first.</summary>
    public DateTimeOffset Created { get; set; }

    /// <summary>When its first attempt began.</summary>
    public DateTimeOffset? Started { get; set; }

    /// <summary>When it finished, failed or was cancelled.</summary>
    public DateTimeOffset? Ended { get; set; }

    /// <summary>Who queued it.</summary>
    public required string CreatedBy { get; set; }

    /// <summary>The account that may change it; null for runs of the lab itself (quickstart), which administrators change.</summary>
    public string? OwnerId { get; set; }

    /// <summary>
    /// When it was put into the trash; null for all others. What lies there is shown and changed by nothing but the trash.
    /// </summary>
    public DateTimeOffset? Trashed { get; set; }

    /// <summary>Who put it into the trash.</summary>
    public string? TrashedBy { get; set; }

    /// <summary>Its state before, to which it comes back.</summary>
    public RunState? TrashedFrom { get; set; }

    /// <summary>Its attempts.</summary>
    public List<AttemptRow> Attempts { get; } = [];
}
