using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SmtWeb.Runs;
using SmtWeb.Smt.Sampling;
using SmtWeb.Worker.Datasets;
using SmtWeb.Worker.Evaluation;
using SmtWeb.Worker.Generation;
using SmtWeb.Worker.Training;

namespace SmtWeb.Worker;

/// <summary>Registers what a worker node does.</summary>
public static class WorkerServiceCollectionExtensions
{
    /// <summary>Claims and trains runs (<see cref="RunWorker"/>), measures checkpoints beside them, and can queue the quickstarts.</summary>
    public static IServiceCollection AddRunWorker(this IServiceCollection services, WorkerOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton<RunWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<RunWorker>());
        services.AddHostedService<DatasetChecker>();
        services.AddHostedService<EvaluationWorker>();
        return services.AddSingleton<QuickstartSeeder>();
    }

    /// <summary>Serves generations from checkpoints, and what lies near them in the training data; <paramref name="load"/> reads a model from a checkpoint's safetensors.</summary>
    public static IServiceCollection AddGeneration(
        this IServiceCollection services, Func<Stream, IOneStepGenerator> load, GenerationOptions? options = null, NeighbourOptions? neighbours = null) =>
        services.AddSingleton(provider => new GenerationService(
            provider.GetRequiredService<IRunStore>(), load, options ?? new(), provider.GetRequiredService<ILogger<GenerationService>>()))
            .AddSingleton(neighbours ?? new()).AddSingleton<NeighbourService>();
}
