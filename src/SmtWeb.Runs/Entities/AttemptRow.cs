namespace SmtWeb.Runs.Entities;

/// <summary>One attempt at a run: a stretch of it by one trainer process.</summary>
public sealed class AttemptRow
{
    /// <summary>The run.</summary>
    public long RunId { get; set; }

    /// <summary>1 for the first.</summary>
    public int Number { get; set; }

    /// <summary>Worker that ran it, in words (host and process).</summary>
    public required string Worker { get; set; }

    /// <summary>When it was claimed.</summary>
    public DateTimeOffset Started { get; set; }

    /// <summary>When it ended or was given up.</summary>
    public DateTimeOffset? Ended { get; set; }

    /// <summary>Checkpoint it goes on from; null starts afresh.</summary>
    public long? FromCheckpointId { get; set; }

    /// <summary>Iteration it goes on from.</summary>
    public long FirstIteration { get; set; }

    /// <summary>Last iteration it reported.</summary>
    public long? LastIteration { get; set; }

    /// <summary>How it ended, in words.</summary>
    public string? Outcome { get; set; }

    /// <summary>
    /// Number of the last journal batch stored. A batch repeated after a broken connection carries the same number
    /// and is skipped, so that a commit whose answer was lost never doubles a point.
    /// </summary>
    public long LastBatch { get; set; }
}
