using Hangfire;
using Hangfire.AspNetCore;
using Hangfire.Common;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Worker.Jobs;

/// <summary>
/// Hangfire's servers on this node: one for the queues of ours, with a thread for every slot, and on workers one for housekeeping.
/// Jobs are never retried by Hangfire: what is to be done again is decided by what it is.
/// </summary>
internal sealed partial class JobServers(
    JobStorage storage,
    JobSlots slots,
    QueueBell bell,
    WorkerPresence presence,
    JobServerOptions options,
    IEnumerable<HousekeepingTask> housekeeping,
    IServiceScopeFactory scopes,
    ILoggerFactory loggers,
    ILogger<JobServers> logger
) : IHostedService, IDisposable
{
    private readonly List<BackgroundJobServer> _servers = [];

    public Task StartAsync(CancellationToken cancellationToken)
    {
        GlobalConfiguration.Configuration.UseLogProvider(new AspNetCoreLogProvider(loggers));
        if (slots.Count > 0)
        {
            _servers.Add(new(Options("work", slots.Count, slots.Queues, lightweight: true), storage, [bell, presence]));
        }

        if (housekeeping.Any())
        {
            Schedule();
            _servers.Add(new(Options("housekeeping", 1, [JobQueues.Housekeeping], lightweight: false), storage));
        }

        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        foreach (var server in _servers)
        {
            server.SendStop();
        }

        await Task.WhenAll(_servers.Select(s => s.WaitForShutdownAsync(cancellationToken)));
        if (_servers.Count > 0)
        {
            await presence.LeaveAsync();
        }
    }

    public void Dispose()
    {
        _servers.ForEach(s => s.Dispose());
        _servers.Clear();
    }

    private void Schedule()
    {
        var manager = new RecurringJobManager(storage, Filters());
        foreach (var task in housekeeping)
        {
            try
            {
                manager.AddOrUpdate(task.Id, task.Job, task.Cron, new RecurringJobOptions { TimeZone = TimeZoneInfo.Utc });
            }
            catch (Exception e) when (e is NpgsqlException or Hangfire.Storage.DistributedLockTimeoutException)
            {
                // another node schedules the same, or will
                NotScheduled(e, task.Id);
            }
        }
    }

    private BackgroundJobServerOptions Options(string name, int workers, string[] queues, bool lightweight) =>
        new()
        {
            ServerName = $"{Environment.MachineName}/{name}",
            WorkerCount = workers,
            Queues = queues,
            IsLightweightServer = lightweight,
            Activator = new AspNetCoreJobActivator(scopes),
            FilterProvider = Filters(),
            ServerTimeout = options.ServerTimeout,
            HeartbeatInterval = options.ServerTimeout < TimeSpan.FromMinutes(2) ? options.ServerTimeout / 8 : TimeSpan.FromSeconds(15),
            ShutdownTimeout = options.Shutdown,
            StopTimeout = options.Shutdown,
            CancellationCheckInterval = TimeSpan.FromMinutes(1),
        };

    // Not Hangfire's global ones: they would repeat every failed job ten times.
    private static JobFilterProviderCollection Filters() =>
        new(new JobFilterCollection { new WaitsAgainFilter(), new StatisticsHistoryAttribute() }, new JobFilterAttributeFilterProvider());

    [LoggerMessage(Level = LogLevel.Warning, Message = "The recurring job {Id} was not scheduled by this node")]
    private partial void NotScheduled(Exception exception, string id);
}
