namespace SmtWeb.Runs.Attempts;

/// <summary>A write was refused because its attempt no longer owns the run: another attempt began, or the run was ended.</summary>
public sealed class AttemptFencedException(long runId, int attempt, Exception? inner = null)
    : Exception(
        $"Attempt {attempt} no longer owns run {runId}: it was taken for lost or the run was ended. Nothing of this write was stored.",
        inner
    )
{
    /// <summary>The run.</summary>
    public long RunId { get; } = runId;

    /// <summary>The attempt that was refused.</summary>
    public int Attempt { get; } = attempt;
}
