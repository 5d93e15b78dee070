using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;
using SmtWeb.Data.Settings;
using SmtWeb.Measures;
using SmtWeb.Measures.Inception;
using SmtWeb.Measures.Statistics;
using SmtWeb.Runs;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Worker.Evaluation;

/// <summary>
/// Finds the training images nearest to a generated one. A training set is measured once, by a job of this node's own queue;
/// nobody waits for that: until it is done, answers say how far it is.
/// </summary>
public sealed class NeighbourService(IRunStore store, GenerationService generation, WorkItems items, NeighbourOptions options)
    : IAsyncDisposable
{
    /// <summary>Most neighbours of one request.</summary>
    public const int MostNeighbours = 32;

    // Data and network of so many sets stay open.
    private const int MostOpen = 2;

    // What was measured before is found within this time.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _searchTurn = new(1);
    private readonly Dictionary<string, NeighbourMeasuring> _measurings = [];
    private readonly List<OpenIndex> _open = []; // used last is last

    /// <summary>What keeps neighbours of these data from being found on this node, with the way out; or null.</summary>
    public string? Missing(DataSpec data)
    {
        try
        {
            if (data is not (FashionMnistSpec or StoredDataSpec))
            {
                return $"{ChoiceAttribute.LabelOf(data)} holds no images.";
            }
            if (data is StoredDataSpec stored)
            {
                DatasetRoot.Resolve(stored.Source);
            }
            if (data is not FashionMnistSpec)
            {
                InceptionFiles.Find(options.Folder);
            }
            return null;
        }
        catch (Exception e) when (e is IOException or SpecException)
        {
            return e is SpecException spec ? spec.Errors[0].Message : e.Message;
        }
    }

    /// <summary>The measuring of these data that is going on, or null.</summary>
    public NeighbourMeasuring? MeasuringOf(DataSpec data)
    {
        lock (_lock)
        {
            return _measurings.GetValueOrDefault(DataReceipts.KeyOf(data)) is { Index.IsCompleted: false } going ? going : null;
        }
    }

    /// <summary>The neighbours of the sample of a seed and class. Where the training images are not measured yet, that begins.</summary>
    /// <exception cref="ArgumentException">The count is out of range.</exception>
    public async Task<NeighbourAnswer> FindAsync(
        long runId,
        long? checkpointId,
        ulong seed,
        int? label,
        int count,
        CancellationToken ct = default
    )
    {
        if (count is < 1 or > MostNeighbours)
        {
            throw new ArgumentException($"{count} neighbours; ask for 1 to {MostNeighbours}.", nameof(count));
        }
        if (await store.FindAsync(runId, ct) is not { } run)
        {
            return new NeighbourAnswer.NotDrawn(new GenerationResult.UnknownModel($"There is no run {runId}."));
        }
        if (Missing(run.Spec.Data) is { } missing)
        {
            return new NeighbourAnswer.Unavailable(missing);
        }
        var answer = await generation.GenerateAsync(new(runId, checkpointId, [seed], label is { } chosen ? [chosen] : null), ct);
        if (answer is not GenerationResult.Done { Images: { } drawn } done)
        {
            return new NeighbourAnswer.NotDrawn(answer);
        }
        var key = DataReceipts.KeyOf(run.Spec.Data);
        var measuring = Begin(run.Spec.Data, out bool isNew);
        try
        {
            if (isNew)
            {
                await QueueAsync(measuring, run, ct);
            }
            if (await Task.WhenAny(measuring.Index, Task.Delay(Patience, ct)) != measuring.Index)
            {
                ct.ThrowIfCancellationRequested();
                return new NeighbourAnswer.Measuring(measuring.Progress);
            }

            var path = await measuring.Index;
            await _searchTurn.WaitAsync(ct);
            try
            {
                return new NeighbourAnswer.Found(
                    await Task.Run(() => Find(Open(key, path, run.Spec.Data), done.Model, drawn, count, ct), ct)
                );
            }
            finally
            {
                _searchTurn.Release();
            }
        }
        catch (Exception e)
            when (e is IOException or InvalidDataException or UnauthorizedAccessException or SpecException or ArgumentException)
        {
            Forget(key); // the next one who asks tries again
            return new NeighbourAnswer.Unavailable(e is SpecException spec ? spec.Errors[0].Message : e.Message);
        }
    }

    /// <summary>Frees what is held. A measuring that is going on is its job's.</summary>
    public async ValueTask DisposeAsync()
    {
        await _searchTurn.WaitAsync();
        foreach (var open in _open)
        {
            open.Dispose();
        }
        _open.Clear();
        _searchTurn.Dispose();
    }

    /// <summary>The job's body: measures the data of a run, and whoever asked for them sees how far it is.</summary>
    internal Task<string> PerformAsync(TrainingSpec spec, CancellationToken ct) => Begin(spec.Data, out _).RunAsync(options, spec, ct);

    private async Task QueueAsync(NeighbourMeasuring measuring, RunDetail run, CancellationToken ct)
    {
        try
        {
            await items.QueueAsync(options.Queue, run.Summary.Id, ChoiceAttribute.LabelOf(run.Spec.Data), run.Summary.Id, ct);
        }
        catch (Exception e)
        {
            measuring.Fail(new InvalidDataException($"The measuring could not be queued: {e.Message}", e));
            throw;
        }
    }

    private NeighbourMeasuring Begin(DataSpec data, out bool isNew)
    {
        var key = DataReceipts.KeyOf(data);
        lock (_lock)
        {
            // a file that the operator has deleted meanwhile is measured again
            isNew = !_measurings.TryGetValue(key, out var known) || known.Index.IsFaulted || known.Index.IsCanceled;
            if (isNew)
            {
                _measurings[key] = known = new NeighbourMeasuring();
            }
            return known!;
        }
    }

    private void Forget(string key)
    {
        lock (_lock)
        {
            if (_measurings.TryGetValue(key, out var known) && known.Index.IsCompleted)
            {
                _measurings.Remove(key);
            }
        }
    }

    // Within a turn of searching.
    private OpenIndex Open(string key, string path, DataSpec data)
    {
        var open = _open.FirstOrDefault(o => o.Key == key && o.Path == path);
        if (open is not null)
        {
            _open.Remove(open);
            _open.Add(open);
            return open;
        }

        open = OpenIndex.Of(key, path, data, options.Folder);
        _open.Add(open);
        if (_open.Count > MostOpen)
        {
            _open[0].Dispose();
            _open.RemoveAt(0);
        }

        return open;
    }

    private static NeighbourResult Find(OpenIndex open, GenerationModel model, GeneratedImages drawn, int count, CancellationToken ct)
    {
        var (index, images, network) = (open.Index, open.Images, open.Network);
        using var scope = torch.NewDisposeScope();
        var pixels = Tensors.Of(drawn.Pixels, [1, drawn.Height, drawn.Width, drawn.Channels]).permute(0, 3, 1, 2).contiguous();
        var (feature, _) = network.Measure(pixels, wantLogits: false);
        var neighbours = index
            .Nearest(feature, count, ct)
            .Select(n =>
            {
                var planes = new byte[images.Channels * images.Side * images.Side];
                var label = images.Read(n.Index, planes);
                return new NeighbourImage(
                    n.Index,
                    NameOf(images.ClassNames, label),
                    n.Distance,
                    ToPng(planes, images.Channels, images.Side)
                );
            });
        return new(
            model.CheckpointId,
            model.Iteration,
            drawn.Seeds[0],
            model.ClassCount == 0 ? "" : model.ClassNames[drawn.Labels[0]],
            new Raster(drawn.Width, drawn.Height, drawn.Channels, drawn.Pixels).ToPng(),
            [.. neighbours],
            index.RealQuantile(0.05),
            index.RealQuantile(0.5),
            index.RealQuantile(0.95),
            images.Name,
            images.Count,
            network.Name
        );
    }

    private static string NameOf(IReadOnlyList<string> names, int label) =>
        label < 0 ? ""
        : label < names.Count ? names[label]
        : $"class {label}";

    private static byte[] ToPng(byte[] planes, int channels, int side)
    {
        var pixels = new byte[planes.Length];
        for (var c = 0; c < channels; c++)
        {
            for (var k = 0; k < side * side; k++)
            {
                pixels[(k * channels) + c] = planes[(c * side * side) + k];
            }
        }
        return new Raster(side, side, channels, pixels).ToPng();
    }

    /// <summary>An index with its images and its network.</summary>
    private sealed record OpenIndex(string Key, string Path, NeighbourIndex Index, IEvaluationImages Images, IFeatureNetwork Network)
        : IDisposable
    {
        public static OpenIndex Of(string key, string path, DataSpec data, string folder)
        {
            TorchRuntime.Initialize();
            var owned = new List<IDisposable>();
            try
            {
                var index = Own(NeighbourIndex.Open(path));
                var images = Own(EvaluationImages.Of(data));
                var network = Own(FeatureNetworks.Open(FeatureNetworks.Default(images), folder, torch.CPU));
                if ((index.NetworkHash, index.Resize, index.Count) != (network.Hash, network.Resize, images.Count))
                {
                    throw new InvalidDataException(
                        "The feature network or the data were exchanged since the training images were measured. Search again: they "
                            + "are measured anew."
                    );
                }
                return new(key, path, index, images, network);
            }
            catch
            {
                foreach (var one in owned)
                {
                    one.Dispose();
                }
                throw;
            }

            T Own<T>(T one)
                where T : IDisposable
            {
                owned.Add(one);
                return one;
            }
        }

        public void Dispose()
        {
            Network.Dispose();
            Images.Dispose();
            Index.Dispose();
        }
    }
}
