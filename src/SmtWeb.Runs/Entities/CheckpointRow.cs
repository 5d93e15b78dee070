namespace SmtWeb.Runs.Entities;

/// <summary>Facts of a checkpoint; its bytes are <see cref="CheckpointChunkRow"/>s.</summary>
public sealed class CheckpointRow
{
    /// <summary>Identity.</summary>
    public long Id { get; set; }

    /// <summary>The run.</summary>
    public long RunId { get; set; }

    /// <summary>Attempt that wrote it.</summary>
    public int Attempt { get; set; }

    /// <summary>When writing began.</summary>
    public DateTimeOffset At { get; set; }

    /// <summary>Iteration, warm-up included.</summary>
    public long Iteration { get; set; }

    /// <summary>Real samples seen.</summary>
    public long ImagesSeen { get; set; }

    /// <summary>Seconds spent in the run.</summary>
    public double Seconds { get; set; }

    /// <summary>Length in bytes; known when complete.</summary>
    public long Bytes { get; set; }

    /// <summary>Number of chunks; known when complete.</summary>
    public int Chunks { get; set; }

    /// <summary>SHA-256 of all bytes, lower-case hex; empty until complete.</summary>
    public string Sha256 { get; set; } = "";

    /// <summary>Last distance before it, if any.</summary>
    public double? Distance { get; set; }

    /// <summary>Why it was written.</summary>
    public required string Reason { get; set; }

    /// <summary>Only a complete checkpoint is ever shown or gone on from.</summary>
    public bool Complete { get; set; }

    /// <summary>A chunk did not match its hash; the checkpoint is hidden and never gone on from.</summary>
    public bool Damaged { get; set; }
}

/// <summary>A stretch of at most 8 MiB of a checkpoint.</summary>
public sealed class CheckpointChunkRow
{
    /// <summary>The checkpoint.</summary>
    public long CheckpointId { get; set; }

    /// <summary>0 for the first.</summary>
    public int Index { get; set; }

    /// <summary>SHA-256 of <see cref="Bytes"/>.</summary>
    public required byte[] Sha256 { get; set; }

    /// <summary>The bytes (STORAGE EXTERNAL: weights do not compress).</summary>
    public required byte[] Bytes { get; set; }
}
