using System.Data.Common;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Hosting;

/// <summary>Empties the trash, and forgets what has outlived its time, once an hour.</summary>
internal sealed partial class HousekeepingService(Housekeeping housekeeping, TimeProvider clock, ILogger<HousekeepingService> logger) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromHours(1);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, clock);
        try
        {
            do
            {
                try
                {
                    await housekeeping.PurgeAsync(stoppingToken);
                }
                catch (DbException e)
                {
                    Failed(e); // the next hour will do
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }

    [LoggerMessage(Level = Microsoft.Extensions.Logging.LogLevel.Warning, Message = "Housekeeping could not be done; it is tried again in an hour")]
    private partial void Failed(Exception exception);
}
