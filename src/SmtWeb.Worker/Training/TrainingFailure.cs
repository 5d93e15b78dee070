using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Database;
using SmtWeb.Smt.Session;

namespace SmtWeb.Worker.Training;

/// <summary>Says why a session failed, in a sentence for the run's page.</summary>
internal static class TrainingFailure
{
    /// <summary>The reason, or null where the fault is not the session's: the attempt lost its run or its database.</summary>
    public static string? Explain(Exception exception) =>
        exception switch
        {
            AttemptFencedException or DatabaseLostException or RankLostException => null,
            _ when PostgresFaults.IsConnectionLoss(exception) => null,
            SpecException spec => $"The spec cannot be trained: {string.Join("; ", spec.Errors.Select(e => $"{e.Path}: {e.Message}"))}",
            DataChangedException or DataStoppedException or CorruptRecordException => exception.Message,
            InvalidDataException => $"Damaged or foreign data: {exception.Message}",
            OutOfMemoryException => $"Out of memory: choose a smaller batch or network ({exception.Message})",
            FileNotFoundException or DirectoryNotFoundException => $"A file is missing: {exception.Message}",
            DllNotFoundException or BadImageFormatException or EntryPointNotFoundException =>
                $"The native library cannot be used: {exception.Message}",
            _ => $"{exception.GetType().Name}: {exception.Message}",
        };
}
