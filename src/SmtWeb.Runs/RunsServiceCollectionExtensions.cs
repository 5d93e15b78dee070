using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Npgsql;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Datasets;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Feed;
using SmtWeb.Runs.Generations;
using SmtWeb.Runs.Queue;
using SmtWeb.Runs.Weights;

namespace SmtWeb.Runs;

/// <summary>Registers the runs.</summary>
public static class RunsServiceCollectionExtensions
{
    /// <summary>
    /// The database (pool, context factory, scoped context for Identity), the store, the queue and the data protection key ring.
    /// Call <see cref="RunsDatabase.MigrateAsync"/> before the host starts. <see cref="AddRunFeed"/> adds the live feed.
    /// </summary>
    public static IServiceCollection AddSmtWebRuns(this IServiceCollection services, string connectionString)
    {
        services.AddSingleton(_ => Open(connectionString));
        services.AddDbContextFactory<SmtWebDbContext>(
            (provider, options) =>
                options.UseNpgsql(
                    provider.GetRequiredService<NpgsqlDataSource>(),
                    npgsql =>
                        npgsql
                            .MigrationsAssembly(RunsDatabase.MigrationsAssembly)
                            // Npgsql's own strategy wraps a lost connection in an InvalidOperationException, which nobody who waits for a
                            // NpgsqlException would know: those who can wait do so themselves (PostgresFaults.RetryAsync,
                            // DbTrainingJournal, …).
                            .ExecutionStrategy(dependencies => new NonRetryingExecutionStrategy(dependencies))
                )
        );
        services.AddSingleton<RunsDatabase>();
        services.AddSingleton<IRunStore, RunStore>();
        services.AddSingleton<IRunTable, RunTable>();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IModelStore, ModelStore>();
        services.AddSingleton<ModelImports>();
        services.AddSingleton<GenerationBatches>();
        services.AddSingleton<RunQueue>();
        services.AddSingleton<WorkItems>();
        services.AddSingleton<JobTickets>();
        services.AddSingleton<JobUpkeep>();
        services.AddSingleton<EvaluationQueue>();
        services.AddSingleton<WorkerRegistry>();
        services.AddSingleton<DatasetStore>();
        services.AddSingleton<DatasetChecks>();
        services.AddSingleton<DatabaseKeyRepository>();
        services.AddSingleton<IConfigureOptions<KeyManagementOptions>>(provider => new ConfigureOptions<KeyManagementOptions>(options =>
            options.XmlRepository = provider.GetRequiredService<DatabaseKeyRepository>()
        ));
        return services;
    }

    /// <summary>
    /// One pool per process, for our own statements and Hangfire's. A connection that nobody used for a while is closed: a lab
    /// has many workers, which are idle most of the time, and one server for all of them.
    /// </summary>
    private static NpgsqlDataSource Open(string connectionString) =>
        NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(connectionString) { ConnectionIdleLifetime = 10, ConnectionPruningInterval = 5 }
        );

    /// <summary>The live feed, for nodes with pages or hub clients.</summary>
    public static IServiceCollection AddRunFeed(this IServiceCollection services)
    {
        services.AddSingleton<RunFeed>();
        services.AddSingleton<IRunFeed>(provider => provider.GetRequiredService<RunFeed>());
        services.AddHostedService(provider => provider.GetRequiredService<RunFeed>());
        return services;
    }
}
