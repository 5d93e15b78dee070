using Hangfire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using SmtWeb.Runs;
using SmtWeb.Runs.People;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Sampling;
using SmtWeb.Worker.Evaluation;
using SmtWeb.Worker.Generation;
using SmtWeb.Worker.Imports;
using SmtWeb.Worker.Jobs;

namespace SmtWeb.Worker;

/// <summary>Registers what a worker node does.</summary>
public static class WorkerServiceCollectionExtensions
{
    private static readonly TimeSpan BeyondPatience = TimeSpan.FromMinutes(5),
        BeyondGrace = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Trains what is queued, measures checkpoints and checks data sets beside that, keeps the house, and can queue the quickstarts.
    /// </summary>
    public static IServiceCollection AddRunWorker(this IServiceCollection services, WorkerOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton(
            new JobServerOptions
            {
                Lease = options.Lease,
                ServerTimeout = options.ServerTimeout ?? options.Patience + BeyondPatience,
                Shutdown = options.ShutdownGrace + BeyondGrace,
            }
        );
        services.AddJobs();
        services.AddSingleton<RunningTrainers>();
        services.AddSingleton(new JobSlot(JobQueues.Training, options.Slots)).AddSingleton<ITrainingJobs, TrainingJobs>();
        services.AddSingleton(new JobSlot(JobQueues.Evaluations, 1)).AddSingleton<IEvaluationJobs, EvaluationJobs>();
        services.AddSingleton(new JobSlot(JobQueues.Datasets, 1)).AddSingleton<IDatasetJobs, DatasetJobs>();
        services.AddHousekeeping();
        services.AddSingleton<IHousekeepingJobs, HousekeepingJobs>();
        foreach (var task in HousekeepingTask.All)
        {
            services.AddSingleton(task);
        }

        return services.AddSingleton<QuickstartSeeder>();
    }

    /// <summary>
    /// Serves generations from checkpoints, and what lies near them in the training data; <paramref name="load"/> reads a model from a
    /// checkpoint's safetensors.
    /// </summary>
    public static IServiceCollection AddGeneration(
        this IServiceCollection services,
        Func<Stream, IOneStepGenerator> load,
        GenerationOptions? options = null,
        NeighbourOptions? neighbours = null
    )
    {
        neighbours ??= new();
        services.AddJobs();
        services.AddSingleton(new JobSlot(neighbours.Queue, 1)).AddSingleton<INeighbourJobs, NeighbourJobs>();
        services.AddSingleton(new JobSlot(JobQueues.Generations, 1)).AddSingleton<IGenerationJobs, GenerationJobs>();
        return services
            .AddSingleton(provider => new GenerationService(
                provider.GetRequiredService<IRunStore>(),
                load,
                options ?? new(),
                provider.GetRequiredService<ILogger<GenerationService>>()
            ))
            .AddSingleton(neighbours)
            .AddSingleton<NeighbourService>();
    }

    /// <summary>Imports weights from a folder of this node.</summary>
    public static IServiceCollection AddImports(this IServiceCollection services, ImportOptions options)
    {
        services.AddJobs();
        return services.AddSingleton(options).AddSingleton(new JobSlot(options.Queue, 1)).AddSingleton<IImportJobs, ImportJobs>();
    }

    private static void AddJobs(this IServiceCollection services)
    {
        services.TryAddSingleton(new JobServerOptions());
        services.TryAddSingleton<JobSlots>();
        services.TryAddSingleton<JobClaims>();
        services.TryAddSingleton<LeaseJudge>();
        services.TryAddSingleton<QueueBell>();
        services.TryAddSingleton<WorkerPresence>();
        services.TryAddSingleton<LeasedJobQueue>();
        services.TryAddSingleton<JobStorage>(provider =>
            JobStorageFactory.Create(
                provider.GetRequiredService<NpgsqlDataSource>(),
                provider.GetRequiredService<LeasedJobQueue>(),
                provider.GetRequiredService<JobSlots>()
            )
        );
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, JobServers>());
    }
}
