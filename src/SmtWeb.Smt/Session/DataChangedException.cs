using SmtWeb.Data.Formats;

namespace SmtWeb.Smt.Session;

/// <summary>The data are not those that a run began with, so going on would be another run under the same name.</summary>
public sealed class DataChangedException(DataReceipt began, DataReceipt now)
    : IOException(
        $"The data have changed since this run began: {began.Describe()} then; {now.Describe()} now. A run goes on with the data it "
            + "began with: "
            + "bring them back, or begin a new run with those that are there now (from the shell, `--changed-data` goes on all the "
            + "same, and says so in the log)."
    )
{
    /// <summary>What the run began with.</summary>
    public DataReceipt Began { get; } = began;

    /// <summary>What is there now.</summary>
    public DataReceipt Now { get; } = now;
}
