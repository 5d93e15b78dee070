using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using SmtWeb.Runs.Database;

namespace SmtWeb.Worker;

/// <summary>
/// A service that looks for work whenever the database notifies <paramref name="channel"/>, and every <paramref name="poll"/>
/// besides, for notifications can be lost. While the database is away it tries again.
/// </summary>
public abstract partial class QueueService(RunsDatabase database, string channel, TimeSpan poll, ILogger logger) : BackgroundService
{
    private static readonly TimeSpan Away = TimeSpan.FromMilliseconds(500);

    private readonly SemaphoreSlim _wake = new(0);

    /// <inheritdoc/>
    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var listening = new DatabaseListener(database.Source, channel).RunAsync(_ => Wake(), Wake, stoppingToken);
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
                await Task.Delay(Away, CancellationToken.None);
            }
        }

        await listening;
        await EndAsync();
    }

    /// <summary>Does all the work that there is.</summary>
    protected abstract Task TurnAsync(CancellationToken ct);

    /// <summary>The last thing it does.</summary>
    protected virtual Task EndAsync() => Task.CompletedTask;

    /// <summary>Has it look again at once.</summary>
    protected void Wake() => _wake.Release();

    /// <summary>Logs that the database does not answer.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "The database does not answer ({Problem}); trying again")]
    protected partial void DatabaseAway(string problem);
}
