using System.Text.Json.Serialization;
using SmtWeb.Data.Settings;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Runs;

/// <summary>
/// Runs as the panel and REST see them. Every method is one short database transaction; nothing is cached.
/// Methods that change a run notify every node (LISTEN/NOTIFY), so that <see cref="IRunFeed"/> wakes.
/// </summary>
public interface IRunStore
{
    /// <summary>
    /// Queues a run of a resolved, validated spec and returns its id. A fork (<see cref="NewRun.Fork"/>) gets a copy of the checkpoint, and
    /// needs the run it comes from no more.
    /// </summary>
    /// <exception cref="SpecException">The spec has errors (all of them are named).</exception>
    Task<long> CreateAsync(NewRun run, CancellationToken ct = default);

    /// <summary>All runs, newest first.</summary>
    Task<IReadOnlyList<RunSummary>> ListAsync(CancellationToken ct = default);

    /// <summary>The runs that a query asks for, newest first.</summary>
    Task<IReadOnlyList<RunSummary>> SearchAsync(RunQuery query, CancellationToken ct = default);

    /// <summary>One run, or null.</summary>
    Task<RunDetail?> FindAsync(long id, CancellationToken ct = default);

    /// <summary>Asks a queued, starting, running or recovering run to pause.</summary>
    Task<ChangeResult> PauseAsync(long id, string by, CancellationToken ct = default);

    /// <summary>Queues a paused, failed or cancelled run again; it goes on from its last checkpoint.</summary>
    Task<ChangeResult> ResumeAsync(long id, string by, CancellationToken ct = default);

    /// <summary>Cancels a run; what it made stays.</summary>
    Task<ChangeResult> CancelAsync(long id, string by, CancellationToken ct = default);

    /// <summary>
    /// Puts a run that no trainer holds into the trash: gone from every list, and kept with all it made for
    /// <see cref="TrashedRun.Kept"/>. A run that waits is taken out of the queue.
    /// </summary>
    Task<ChangeResult> DeleteAsync(long id, string by, CancellationToken ct = default);

    /// <summary>Takes a run out of the trash, in the state that it had; one that waited queues again.</summary>
    Task<ChangeResult> RestoreAsync(long id, string by, CancellationToken ct = default);

    /// <summary>Deletes a run that lies in the trash for good, with all it made.</summary>
    Task<ChangeResult> PurgeAsync(long id, string by, CancellationToken ct = default);

    /// <summary>What lies in the trash, the newest first.</summary>
    Task<IReadOnlyList<TrashedRun>> TrashAsync(CancellationToken ct = default);

    /// <summary>Deletes for good what has lain in the trash for <see cref="TrashedRun.Kept"/>; how many runs.</summary>
    Task<int> PurgeTrashAsync(CancellationToken ct = default);

    /// <summary>Whose run this is, in the trash or not; null where there is none.</summary>
    Task<RunOwner?> OwnerAsync(long id, CancellationToken ct = default);

    /// <summary>Changes the priority (higher first) of a waiting run.</summary>
    Task<ChangeResult> SetPriorityAsync(long id, int priority, string by, CancellationToken ct = default);

    /// <summary>Renames a run.</summary>
    Task<ChangeResult> RenameAsync(long id, string name, string by, CancellationToken ct = default);

    /// <summary>
    /// Points of the curves with a sequence number above <paramref name="after"/>, in that order, at most
    /// <paramref name="limit"/>. Superseded points (an attempt that was lost after its last checkpoint) are left out
    /// unless asked for.
    /// </summary>
    Task<MetricPage> MetricsAsync(long id, long after = 0, int limit = 100_000, bool superseded = false, CancellationToken ct = default);

    /// <summary>Evaluations, oldest first.</summary>
    Task<IReadOnlyList<RunEvaluation>> EvaluationsAsync(long id, CancellationToken ct = default);

    /// <summary>Pictures without their bytes, oldest first.</summary>
    Task<IReadOnlyList<RunPicture>> PicturesAsync(long id, CancellationToken ct = default);

    /// <summary>The PNG of a picture, or null.</summary>
    Task<byte[]?> PicturePngAsync(long runId, long pictureId, CancellationToken ct = default);

    /// <summary>Complete checkpoints, oldest first.</summary>
    Task<IReadOnlyList<RunCheckpoint>> CheckpointsAsync(long id, CancellationToken ct = default);

    /// <summary>Streams a complete checkpoint (safetensors), verifying each chunk's hash; null where there is none.</summary>
    Task<Stream?> OpenCheckpointAsync(long runId, long checkpointId, CancellationToken ct = default);

    /// <summary>
    /// A reader found that a checkpoint is not as it was written: it is hidden from now on, and the log of its run says so. True where it
    /// was
    /// not known yet.
    /// </summary>
    Task<bool> SetDamagedAsideAsync(long checkpointId, string why, CancellationToken ct = default);

    /// <summary>Log lines and state changes with an id above <paramref name="after"/>, oldest first.</summary>
    Task<IReadOnlyList<RunEvent>> EventsAsync(long id, long after = 0, int limit = 1000, CancellationToken ct = default);
}

/// <summary>A run to be queued. <paramref name="OwnerId"/> is the account that may change it; null for runs of the lab itself.</summary>
public sealed record NewRun(string Name, TrainingSpec Spec, string? Preset, int Priority, string CreatedBy, string? OwnerId = null)
{
    /// <summary>The checkpoint that it goes on from; null begins anew.</summary>
    public ForkPoint? Fork { get; init; }

    /// <summary>What a fork of a run is called unless somebody names it.</summary>
    public static string NameOfFork(string parent) => parent + " (fork)" is { Length: <= RunStore.LongestName } name ? name : parent;
}

/// <summary>A checkpoint of a run; without a number its newest one.</summary>
public sealed record ForkPoint(long RunId, long? CheckpointId = null);

/// <summary>Whose run it is; <paramref name="Id"/> is an account's, null for runs of the lab itself.</summary>
public sealed record RunOwner(long RunId, string? Id, string Name);

/// <summary>A run in the trash, and until when it can be taken out.</summary>
public sealed record TrashedRun(RunSummary Run, DateTimeOffset Deleted, string DeletedBy, DateTimeOffset KeptUntil)
{
    /// <summary>How long the trash keeps a run.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(7);
}

/// <summary>Whether a change was made; if not, <paramref name="Problem"/> says why in a sentence for the user.</summary>
public sealed record ChangeResult(ChangeOutcome Outcome, string? Problem = null)
{
    /// <summary>The change was made.</summary>
    public static ChangeResult Done { get; } = new(ChangeOutcome.Done);
}

/// <summary>Outcome of a change.</summary>
public enum ChangeOutcome
{
    /// <summary>Made.</summary>
    Done,

    /// <summary>No such run.</summary>
    NotFound,

    /// <summary>The run's state does not allow it.</summary>
    Conflict,
}

/// <summary>A row of the runs table.</summary>
public sealed record RunSummary(
    long Id,
    string Name,
    string? Preset,
    string Method,
    string Data,
    RunState State,
    string? StateReason,
    int Priority,
    int? QueuePosition,
    long Iteration,
    long TotalIterations,
    double? ImagesPerSecond,
    string? DistanceMetric,
    double? Distance,
    double? BestDistance,
    DateTimeOffset Created,
    DateTimeOffset? Started,
    DateTimeOffset? Ended,
    string CreatedBy,
    double Seconds,
    string? OwnerId = null
)
{
    /// <summary>The run whose checkpoint it was forked from; that run may be gone.</summary>
    public long? ParentRunId { get; init; }

    /// <summary>The iteration at which it was forked.</summary>
    public long? ForkedAt { get; init; }

    /// <summary>The iteration from which on losses or gradients were not finite, where the run failed for that.</summary>
    public long? FirstBadIteration { get; init; }
}

/// <summary>Everything about a run but its series. <paramref name="WaitsBecause"/> explains a queued run.</summary>
public sealed record RunDetail(
    RunSummary Summary,
    TrainingSpec Spec,
    string SpecHash,
    int Attempt,
    string? Worker,
    DateTimeOffset? LastHeartbeat,
    string? WaitsBecause,
    long SkippedSteps,
    IReadOnlyList<RunAttempt> Attempts
)
{
    /// <summary>The Hangfire job of its present episode, or of its last one; for the panel, not for programs.</summary>
    [JsonIgnore]
    public long? JobId { get; init; }

    /// <summary>Name of the run it was forked from; null where it is no fork, or that run is gone.</summary>
    public string? ParentName { get; init; }
}

/// <summary>One attempt: a stretch of a run by one trainer process.</summary>
public sealed record RunAttempt(
    int Number,
    string Worker,
    DateTimeOffset Started,
    DateTimeOffset? Ended,
    long FirstIteration,
    long? LastIteration,
    string? Outcome
);

/// <summary>A point of a curve as stored. <paramref name="Sequence"/> rises within the run.</summary>
public sealed record StoredMetric(
    long Sequence,
    int Attempt,
    string Name,
    long Iteration,
    long ImagesSeen,
    double Seconds,
    double Value,
    bool Superseded
);

/// <summary>A page of points and the sequence number to go on from.</summary>
public sealed record MetricPage(IReadOnlyList<StoredMetric> Points, long LastSequence);

/// <summary>A stored evaluation.</summary>
public sealed record RunEvaluation(long Id, int Attempt, DateTimeOffset At, EvaluationRecord Record);

/// <summary>A stored picture without its bytes.</summary>
public sealed record RunPicture(
    long Id,
    int Attempt,
    PictureKind Kind,
    long Iteration,
    long ImagesSeen,
    int Rows,
    int Columns,
    int CellSize,
    IReadOnlyList<string> RowLabels
);

/// <summary>A complete checkpoint.</summary>
public sealed record RunCheckpoint(
    long Id,
    int Attempt,
    DateTimeOffset At,
    long Iteration,
    long ImagesSeen,
    long Bytes,
    string Sha256,
    double? Distance,
    string Reason
);

/// <summary>A log line or a state change (<paramref name="State"/> set).</summary>
public sealed record RunEvent(long Id, int Attempt, DateTimeOffset At, LogLevel Level, string Message, RunState? State);
