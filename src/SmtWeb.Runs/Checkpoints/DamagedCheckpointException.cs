namespace SmtWeb.Runs.Checkpoints;

/// <summary>A stored checkpoint does not match its hash.</summary>
public sealed class DamagedCheckpointException(long checkpointId, int chunk, string what)
    : IOException($"Checkpoint {checkpointId} is damaged: chunk {chunk} {what}. Check the database's disk.")
{
    /// <summary>The checkpoint.</summary>
    public long CheckpointId { get; } = checkpointId;

    /// <summary>The first bad chunk.</summary>
    public int Chunk { get; } = chunk;
}
