using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using SmtWeb.Runs.Database;

namespace SmtWeb.Worker;

/// <summary>
/// A service that looks for work whenever the database notifies <paramref name="channel"/>, and every <paramref name="poll"/>
/// besides, for notifications can be lost. While the database is away it tries again; any other fault of a turn is logged and
/// tried again after a while, for a background service that throws would end the node with all its pages.
/// </summary>
public abstract partial class QueueService(RunsDatabase database, string channel, TimeSpan poll, ILogger logger) : BackgroundService
{
    private static readonly TimeSpan Away = TimeSpan.FromMilliseconds(500), Fault = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _wake = new(0);

    /// <inheritdoc/>
    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var listening = ListenAsync(stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                // many notifications, one look
                while (_wake.Wait(0, CancellationToken.None))
                {
                }

                await TurnAsync(stoppingToken);
                await _wake.WaitAsync(poll, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (NpgsqlException e)
            {
                DatabaseAway(e.Message);
                await PauseAsync(Away, stoppingToken);
            }
            catch (Exception e)
            {
                TurnFailed(e, Fault.TotalSeconds);
                await PauseAsync(Fault, stoppingToken);
            }
        }

        await listening;
        await EndAsync();
    }

    // without it there is still the poll
    private async Task ListenAsync(CancellationToken ct)
    {
        try
        {
            await new DatabaseListener(database.Source, channel).RunAsync(_ => Wake(), Wake, ct);
        }
        catch (Exception e)
        {
            ListeningFailed(e, channel, poll.TotalSeconds);
        }
    }

    private static async Task PauseAsync(TimeSpan time, CancellationToken ct) => await Task.Delay(time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>Does all the work that there is.</summary>
    protected abstract Task TurnAsync(CancellationToken ct);

    /// <summary>The last thing it does.</summary>
    protected virtual Task EndAsync() => Task.CompletedTask;

    /// <summary>Has it look again at once.</summary>
    protected void Wake() => _wake.Release();

    /// <summary>Logs that the database does not answer.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "The database does not answer ({Problem}); trying again")]
    protected partial void DatabaseAway(string problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "A look into the queue failed; trying again in {Seconds} s")]
    private partial void TurnFailed(Exception exception, double seconds);

    [LoggerMessage(Level = LogLevel.Error, Message = "Notifications of {Channel} are not heard any more; the queue is looked into every {Seconds} s")]
    private partial void ListeningFailed(Exception exception, string channel, double seconds);
}
