namespace SmtWeb.Smt.Session;

/// <summary>The data of a run could not be read on. Its checkpoint is written: it goes on from there when they can be.</summary>
public sealed class DataStoppedException(long iteration, Exception cause)
    : IOException(
        $"The data stopped this run at iteration {iteration}, of which there is a checkpoint: {cause.Message.TrimEnd('.')}. "
            + "Repair or bring back what cannot be read, or set $.data.skipCorrupt to pass over such records; then the run goes on "
            + "from there.",
        cause
    )
{
    /// <summary>Iterations done.</summary>
    public long Iteration { get; } = iteration;
}
