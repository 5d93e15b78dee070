using SmtWeb.Runs;
using SmtWeb.Smt.Imaging;
using SmtWeb.Smt.Metrics;
using SmtWeb.Smt.Metrics.Statistics;
using SmtWeb.Smt.Sampling;
using SmtWeb.Torch;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Worker.Evaluation;

/// <summary>A training image beside a sample; <paramref name="Png"/> is the image.</summary>
public sealed record NeighbourImage(int Index, string ClassName, double Distance, byte[] Png);

/// <summary>
/// A sample and its nearest training images. <paramref name="RealLow"/>, <paramref name="RealMedian"/> and
/// <paramref name="RealHigh"/> are the 5 %, 50 % and 95 % points of the distances from real images to their nearest other one.
/// </summary>
public sealed record NeighbourResult(
    long CheckpointId, long Iteration, ulong Seed, string ClassName, byte[] Png, IReadOnlyList<NeighbourImage> Neighbours, double RealLow, double RealMedian, double RealHigh);

/// <summary>Finds the training images nearest to a generated one. The training set is measured once, on first use.</summary>
public sealed class NeighbourService(IRunStore store, GenerationService generation) : IAsyncDisposable
{
    /// <summary>Most neighbours of one request.</summary>
    public const int MostNeighbours = 32;

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _over = new();
    private Task<(NeighbourIndex Index, IEvaluationImages Images, IFeatureNetwork Network)>? _index;
    private MeasureProgress _progress;

    /// <summary>How far the measuring of the training set is.</summary>
    public MeasureProgress Progress => _progress;

    /// <summary>
    /// The sample of a seed and class with its neighbours; or, where it cannot be drawn, the answer of the generation.
    /// </summary>
    /// <exception cref="ArgumentException">The run's data have no feature network, or the count is out of range.</exception>
    public async Task<(NeighbourResult? Result, GenerationResult? Failure)> FindAsync(long runId, long? checkpointId, ulong seed, int? label, int count, CancellationToken ct = default)
    {
        if (count is < 1 or > MostNeighbours) throw new ArgumentException($"{count} neighbours; ask for 1 to {MostNeighbours}.", nameof(count));
        if (await store.FindAsync(runId, ct) is not { } run) return (null, new GenerationResult.UnknownModel($"There is no run {runId}."));
        if (run.Spec.Data is not Smt.Specs.FashionMnistSpec) throw new ArgumentException("Neighbours are shown for Fashion-MNIST, whose feature network comes with SmtWeb.");
        var answer = await generation.GenerateAsync(new(runId, checkpointId, [seed], label is { } chosen ? [chosen] : null), ct);
        if (answer is not GenerationResult.Done { Images: { } drawn } done) return (null, answer);
        var (index, images, network) = await IndexAsync().WaitAsync(ct);
        return (await Task.Run(() => Find(index, images, network, done.Model, drawn, count), ct), null);
    }

    /// <summary>Ends a measuring that is going on, and frees what it holds.</summary>
    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        try
        {
            if (_index is not null)
            {
                var (_, images, network) = await _index;
                network.Dispose();
                images.Dispose();
            }
        }
        catch (Exception)
        {
            // It never was measured; whoever asked was told.
        }

        _over.Dispose();
    }

    private Task<(NeighbourIndex Index, IEvaluationImages Images, IFeatureNetwork Network)> IndexAsync()
    {
        lock (_lock)
        {
            return _index is null or { IsFaulted: true } ? _index = Task.Factory.StartNew(Build, TaskCreationOptions.LongRunning) : _index;
        }
    }

    private (NeighbourIndex Index, IEvaluationImages Images, IFeatureNetwork Network) Build()
    {
        torch.Initialize();
        var images = new FashionMnistImages();
        var network = FashionFeatures.LoadBundled(Device.Cpu);
        return (NeighbourIndex.Build(images, network, p => _progress = p, _over.Token), images, network);
    }

    private static NeighbourResult Find(NeighbourIndex index, IEvaluationImages images, IFeatureNetwork network, GenerationModel model, GeneratedImages drawn, int count)
    {
        using var scope = torch.NewDisposeScope();
        var pixels = torch.tensor(drawn.Pixels, [1, drawn.Height, drawn.Width, drawn.Channels]).permute(0, 3, 1, 2).contiguous();
        var (feature, _) = network.Measure(pixels, wantLogits: false);
        var neighbours = index.Nearest(feature, count).Select(n =>
        {
            var training = new byte[images.Channels * images.Side * images.Side];
            images.Read(n.Index, training);
            return new NeighbourImage(n.Index, n.Label < 0 ? "" : images.ClassNames[n.Label], n.Distance, new Raster(images.Side, images.Side, 1, training).ToPng());
        });
        var name = model.ClassCount == 0 ? "" : model.ClassNames[drawn.Labels[0]];
        return new(
            model.CheckpointId, model.Iteration, drawn.Seeds[0], name, new Raster(drawn.Width, drawn.Height, drawn.Channels, drawn.Pixels).ToPng(), [.. neighbours],
            index.RealQuantile(0.05), index.RealQuantile(0.5), index.RealQuantile(0.95));
    }
}
