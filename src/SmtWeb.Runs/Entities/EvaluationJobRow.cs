namespace SmtWeb.Runs.Entities;

/// <summary>Where a queued evaluation stands.</summary>
public enum EvaluationJobState
{
    /// <summary>Waits for a worker.</summary>
    Queued,

    /// <summary>A worker measures.</summary>
    Running,

    /// <summary>Its evaluation is stored.</summary>
    Done,

    /// <summary>It could not be measured; the reason is kept.</summary>
    Failed,

    /// <summary>Somebody took it back.</summary>
    Cancelled,
}

/// <summary>
/// A checkpoint that is to be measured. While it waits or runs, the checkpoint is not removed; who measures it stands in its
/// <see cref="WorkItemRow"/>.
/// </summary>
public sealed class EvaluationJobRow
{
    /// <summary>Identity; older jobs go first.</summary>
    public long Id { get; set; }

    /// <summary>The run.</summary>
    public long RunId { get; set; }

    /// <summary>The checkpoint; not a foreign key, because the job outlives it.</summary>
    public long CheckpointId { get; set; }

    /// <summary>Iteration of the checkpoint.</summary>
    public long Iteration { get; set; }

    /// <summary>Name of the protocol.</summary>
    public required string Protocol { get; set; }

    /// <summary>Whether its distance is the run's own: it came from the run's spec and not from a person.</summary>
    public bool Ranks { get; set; }

    /// <summary>State.</summary>
    public EvaluationJobState State { get; set; }

    /// <summary>What is being done, for people.</summary>
    public string? ProgressText { get; set; }

    /// <summary>Share done, 0 to 1.</summary>
    public double Progress { get; set; }

    /// <summary>Why it failed.</summary>
    public string? Problem { get; set; }

    /// <summary>The stored evaluation.</summary>
    public long? EvaluationId { get; set; }

    /// <summary>When it was queued.</summary>
    public DateTimeOffset Created { get; set; }

    /// <summary>Who queued it; <c>training</c> for a checkpoint event.</summary>
    public required string CreatedBy { get; set; }

    /// <summary>When its first attempt began.</summary>
    public DateTimeOffset? Started { get; set; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? Ended { get; set; }
}
