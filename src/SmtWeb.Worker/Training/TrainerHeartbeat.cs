using Npgsql;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Worker.Training;

/// <summary>
/// Keeps the lease of an attempt and brings the user's wishes to its trainer: every third of the lease, and at once when
/// a notification says so. A trainer that has gone silent is not kept alive by this: its lease is left to run out.
/// </summary>
public sealed class TrainerHeartbeat(
    RunsDatabase database,
    AttemptWriter attempt,
    AttemptLease lease,
    DbTrainingJournal journal,
    TimeSpan stallLimit
)
{
    /// <summary>Beats until cancelled or until the attempt lost the run.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var wake = new SemaphoreSlim(0);
        string mine = attempt.RunId.ToString();
        var listening = new DatabaseListener(database.Source, RunChannels.Signal).RunAsync(
            payload => _ = payload == mine ? wake.Release() : 0,
            () => wake.Release(),
            ended.Token
        );
        try
        {
            while (await BeatAsync(ended.Token))
            {
                await wake.WaitAsync(lease.Length / 3, ended.Token);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The attempt is over.
        }
        finally
        {
            await ended.CancelAsync();
            await listening;
        }
    }

    private async Task<bool> BeatAsync(CancellationToken ct)
    {
        if (journal.Silence > stallLimit)
        {
            return true;
        }

        try
        {
            if (await lease.RenewAsync(ct) is not { } order)
            {
                journal.Abandon();
                return false;
            }

            journal.Raise(order);
            return true;
        }
        catch (NpgsqlException)
        {
            // The database is away. Training goes on: the fence decides whether its writes still count when it is back.
            return true;
        }
    }
}
