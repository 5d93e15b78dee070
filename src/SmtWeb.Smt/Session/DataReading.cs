using System.Diagnostics;
using SmtWeb.Data.Batches;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Session;

/// <summary>
/// Before the first iteration all of the data are read once (or were, which is remembered): a record that cannot be read is found now and
/// not after a week, and what the run is tied to is known.
/// </summary>
internal static class DataReading
{
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(10);

    /// <summary>What the data are; null where they are drawn afresh.</summary>
    /// <exception cref="OperationCanceledException">The run is to pause or to end.</exception>
    /// <exception cref="CorruptRecordException">A record cannot be read, and such records are not to be skipped.</exception>
    internal static DataReceipt? Read(TrainingData data, ITrainingJournal journal, string cache)
    {
        using var stop = new CancellationTokenSource();
        var told = Stopwatch.GetTimestamp();
        try
        {
            return data.Identify(
                cache,
                Tell,
                () => journal.Log(LogLevel.Information, $"Reads all {data.Count:N0} images once, before the first iteration."),
                stop.Token
            );
        }
        catch (CorruptRecordException e)
        {
            throw new CorruptRecordException(
                e.Path,
                e.Index,
                e.Record,
                $"{e.Problem}; repair it, or set $.data.skipCorrupt to pass over such records",
                e
            );
        }

        void Tell(CheckProgress progress)
        {
            // also a sign of life: a large set takes long
            if (journal.Signal != TrainingSignal.Continue)
            {
                stop.Cancel();
            }
            if (Stopwatch.GetElapsedTime(told) < Between)
            {
                return;
            }
            told = Stopwatch.GetTimestamp();
            journal.Log(
                LogLevel.Information,
                $"Reading the data, once: {100.0 * progress.Done / Math.Max(1, progress.Total):0} % of {progress.Total:N0} "
                    + $"{progress.Phase}."
            );
        }
    }

    /// <summary>The data are those that the spec names: as they are, or as they were when the run began.</summary>
    /// <exception cref="SpecException">The spec names the content of others.</exception>
    internal static void EnsureStated(TrainingSpec spec, DataReceipt? found, DataReceipt? began = null)
    {
        if (spec.Data is StoredDataSpec { Sha256.Length: > 0 } stated && found is not null && !Is(found) && (began is null || !Is(began)))
        {
            throw new SpecException([
                new(
                    "$.data.sha256",
                    $"SHA-256 is \"{stated.Sha256}\", and that of {stated.Source} is {found.Sha256}: these are other data than the spec "
                        + "means. Bring those back, or leave sha256 out to train on what is there now."
                ),
            ]);
        }

        bool Is(DataReceipt data) => string.Equals(stated.Sha256, data.Sha256, StringComparison.OrdinalIgnoreCase);
    }
}
