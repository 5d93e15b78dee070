using Microsoft.Extensions.Logging;
using SmtWeb.Runs;
using SmtWeb.Runs.Checkpoints;
using SmtWeb.Smt.Sampling;

namespace SmtWeb.Worker.Generation;

/// <summary>
/// Serves one-step generations: a few models in memory, the least recently used unloaded first, each with a queue that
/// puts waiting requests into one network call.
/// </summary>
public sealed partial class GenerationService(
    IRunStore store,
    Func<Stream, IOneStepGenerator> load,
    GenerationOptions options,
    ILogger<GenerationService> logger
) : IAsyncDisposable
{
    private static readonly TimeSpan LoadRetry = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Dictionary<long, Task<ModelHost>> _hosts = [];
    private readonly LinkedList<long> _recent = [];

    // One call at a time on this node: two would only take the cores from each other.
    private readonly SemaphoreSlim _machine = new(1);

    // One at a time as well: requests for a hundred checkpoints must not hold a hundred models in memory.
    private readonly SemaphoreSlim _loading = new(1);
    private int _asked;

    /// <summary>Images that wait or are being drawn, over all models in memory.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock)
            {
                return _hosts.Values.Where(h => h.IsCompletedSuccessfully).Sum(h => h.GetAwaiter().GetResult().Waiting);
            }
        }
    }

    /// <summary>Draws images.</summary>
    public async Task<GenerationResult> GenerateAsync(GenerationRequest request, CancellationToken ct = default)
    {
        int asked = Interlocked.Add(ref _asked, request.Seeds.Count);
        try
        {
            return asked > options.NodeImages && asked > request.Seeds.Count
                ? new GenerationResult.Busy(
                    $"{asked - request.Seeds.Count} images wait for the models of this node; with these {request.Seeds.Count} it would "
                        + $"be more than {options.NodeImages}.",
                    LoadRetry
                )
                : await DrawAsync(request, ct);
        }
        finally
        {
            Interlocked.Add(ref _asked, -request.Seeds.Count);
        }
    }

    private async Task<GenerationResult> DrawAsync(GenerationRequest request, CancellationToken ct)
    {
        while (true)
        {
            var (host, failure) = await FindAsync(request.RunId, request.CheckpointId, ct);
            if (host is null)
            {
                return failure!;
            }

            if (await host.GenerateAsync(request, ct) is { } result)
            {
                return result;
            }
        }
    }

    /// <summary>Loads a model and says what it is: <see cref="GenerationResult.Done"/> without images.</summary>
    public async Task<GenerationResult> DescribeAsync(long runId, long? checkpointId, CancellationToken ct = default)
    {
        var (host, failure) = await FindAsync(runId, checkpointId, ct);
        return host is null ? failure! : new GenerationResult.Done(host.Model, null);
    }

    /// <summary>Unloads all models after their last request.</summary>
    public async ValueTask DisposeAsync()
    {
        Task<ModelHost>[] hosts;
        lock (_lock)
        {
            hosts = [.. _hosts.Values];
            _hosts.Clear();
            _recent.Clear();
        }

        foreach (var host in hosts)
        {
            await UnloadAsync(host);
        }

        _machine.Dispose();
        _loading.Dispose();
    }

    private async Task<(ModelHost? Host, GenerationResult? Failure)> FindAsync(long runId, long? checkpointId, CancellationToken ct)
    {
        try
        {
            var checkpoints = await store.CheckpointsAsync(runId, ct);
            var chosen = checkpointId is { } id
                ? checkpoints.FirstOrDefault(c => c.Id == id)
                : checkpoints.Where(c => c.Distance is { } d && double.IsFinite(d)).MinBy(c => c.Distance) ?? checkpoints.LastOrDefault();
            if (chosen is null)
            {
                return (
                    null,
                    new GenerationResult.UnknownModel(
                        checkpointId is null
                            ? $"Run {runId} does not exist or has no complete checkpoint yet."
                            : $"Run {runId} has no complete checkpoint {checkpointId}; it has "
                                + $"{(checkpoints.Count == 0 ? "none" : string.Join(", ", checkpoints.Select(c => c.Id)))}."
                    )
                );
            }

            return (await HostAsync(runId, chosen).WaitAsync(ct), null);
        }
        catch (DamagedCheckpointException e)
        {
            // Who asked for none in particular gets the best of those that are whole.
            await store.SetDamagedAsideAsync(e.CheckpointId, e.Message, ct);
            LoadFailed(runId, e);
            return checkpointId is null
                ? await FindAsync(runId, null, ct)
                : (null, new GenerationResult.UnknownModel($"{e.Message} It was set aside; choose another one."));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Whatever a checkpoint or a missing native library does, a request is answered, and the next may fare better.
            LoadFailed(runId, e);
            return (null, new GenerationResult.Unavailable($"The model of run {runId} cannot be loaded: {e.Message}", LoadRetry));
        }
    }

    private Task<ModelHost> HostAsync(long runId, RunCheckpoint checkpoint)
    {
        lock (_lock)
        {
            _recent.Remove(checkpoint.Id);
            _recent.AddFirst(checkpoint.Id);
            if (_hosts.TryGetValue(checkpoint.Id, out var known) && !known.IsFaulted)
            {
                return known;
            }

            while (_recent.Count > options.Models)
            {
                long oldest = _recent.Last!.Value;
                _recent.RemoveLast();
                if (_hosts.Remove(oldest, out var unused))
                {
                    _ = UnloadAsync(unused);
                }
            }

            return _hosts[checkpoint.Id] = Task.Run(() => LoadAsync(runId, checkpoint));
        }
    }

    private async Task<ModelHost> LoadAsync(long runId, RunCheckpoint checkpoint)
    {
        IOneStepGenerator generator;
        await _loading.WaitAsync();
        try
        {
            await using var stream =
                await store.OpenCheckpointAsync(runId, checkpoint.Id) ?? throw new IOException($"Checkpoint {checkpoint.Id} was removed.");
            generator = load(stream);
        }
        finally
        {
            _loading.Release();
        }

        var model = new GenerationModel(
            runId,
            checkpoint.Id,
            checkpoint.Iteration,
            generator.ClassCount,
            generator.ClassNames,
            generator.StepChoices
        );
        Loaded(runId, checkpoint.Id, checkpoint.Iteration);
        return new(model, generator, options, _machine);
    }

    private static async Task UnloadAsync(Task<ModelHost> host)
    {
        try
        {
            await (await host).DisposeAsync();
        }
        catch (Exception)
        {
            // It never was loaded; whoever asked for it was told.
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Model of run {RunId} loaded: checkpoint {CheckpointId}, iteration {Iteration}")]
    private partial void Loaded(long runId, long checkpointId, long iteration);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The model of run {RunId} cannot be loaded")]
    private partial void LoadFailed(long runId, Exception exception);
}
