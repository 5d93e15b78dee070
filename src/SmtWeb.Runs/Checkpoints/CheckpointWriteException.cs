namespace SmtWeb.Runs.Checkpoints;

/// <summary>A checkpoint could not be stored for want of room; the run pauses with this reason.</summary>
public sealed class CheckpointWriteException(string message, Exception? inner = null) : IOException(message, inner);
