using Hangfire.PostgreSql;
using Npgsql;
using SmtWeb.Runs.Database;

namespace SmtWeb.Worker.Jobs;

/// <summary>Hangfire's storage in our database.</summary>
internal static class JobStorageFactory
{
    /// <summary>
    /// The storage on the pool of this process, so that a node's connections are bounded together. The schema is the
    /// migrator's affair. No timeout makes a job visible to others again: leases of ours do, and housekeeping is short.
    /// </summary>
    public static PostgreSqlStorage Create(NpgsqlDataSource source, LeasedJobQueue queue, JobSlots slots)
    {
        var options = new PostgreSqlStorageOptions
        {
            SchemaName = RunsDatabase.JobSchema,
            PrepareSchemaIfNecessary = false,
            UseSlidingInvisibilityTimeout = false,
            InvisibilityTimeout = TimeSpan.FromMinutes(5),
            QueuePollInterval = TimeSpan.FromSeconds(15),
            // Hangfire locks a job for the milliseconds in which it changes its state. The lock is a row: one that a killed worker
            // left must not keep the next one waiting for longer than the lease.
            DistributedLockTimeout = TimeSpan.FromSeconds(5),
        };
        var storage = new PostgreSqlStorage(new Pool(source), options);
        queue.Use(new PostgreSqlJobQueueProvider(storage, options));
        storage.QueueProviders.Add(queue, slots.Queues);
        return storage;
    }

    private sealed class Pool(NpgsqlDataSource source) : IConnectionFactory
    {
        public NpgsqlConnection GetOrCreateConnection() => source.CreateConnection();
    }
}
