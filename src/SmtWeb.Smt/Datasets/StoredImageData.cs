using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Datasets;

/// <summary>
/// Batches from files: read ahead by <see cref="BatchPrefetcher"/>, in the order of an <see cref="EpochSampler"/>. Its
/// state is that of the last batch handed out, whatever was read ahead, so that a resumed run goes on bit for bit.
/// </summary>
internal sealed class StoredImageData : TrainingData
{
    private const int Ahead = 3;

    private readonly ImageSource source;
    private readonly StoredDataSpec spec;
    private readonly Device device;
    private readonly int classes;
    private readonly EpochSampler sampler;
    private readonly HashSet<long> reported = [];
    private BatchPrefetcher? prefetcher;
    private bool saidFew;
    private IReadOnlyList<long> order;

    internal StoredImageData(StoredDataSpec spec, long seed, Device device)
    {
        (this.spec, this.device) = (spec, device);
        source = ImageSources.Open(spec);
        try
        {
            ImageSources.EnsureFits(spec, source);
            classes = DataShape.Of(spec).Classes;
            ClassCounts = classes == 0 ? null : source.ClassCounts;
            sampler = new EpochSampler(source.Count, (ulong)seed);
            order = sampler.State;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Threads that decode: a quarter of the machine, for the trainer needs the rest.</summary>
    internal static int Workers => Math.Clamp(Environment.ProcessorCount / 4, 1, 8);

    protected override IReadOnlyList<long> Order
    {
        get => order;
        set
        {
            StopReading();
            sampler.State = value;
            order = value;
        }
    }

    public override (Tensor Samples, Tensor? Labels) Next(int batch)
    {
        if (prefetcher is not null && prefetcher.BatchSize != batch)
        {
            StopReading();
            sampler.State = order;
        }

        if (batch > source.Count && !saidFew)
        {
            saidFew = true;
            Note($"The data have {source.Count} images and a batch has {batch}: every batch shows images more than once. Use a smaller batch or more images.");
        }

        prefetcher ??= new BatchPrefetcher(source, sampler, batch, spec.HorizontalFlips, spec.SkipCorrupt, Workers, Ahead, device);
        var ready = prefetcher.Take();
        try
        {
            order = ready.OrderAfter;
            foreach (var skipped in ready.Skipped)
                if (reported.Add(skipped.Index)) Note($"{skipped.Message} Skipped: the next record is taken in its place.");
            long[] shape = [batch, source.Channels, source.Side, source.Side];
            var bytes = ready.Staged is { } staged ? HostTransfer.Start(staged, device).view(shape) : Tensors.Of(ready.Pixels, shape);
            var x = bytes.to(ScalarType.Float32).Over(127.5).Minus(1);
            var labels = classes == 0 ? null : HostTransfer.OneHot(HostTransfer.Of(Array.ConvertAll(ready.Labels, l => (long)l), [batch], device), classes);
            return (x, labels);
        }
        finally
        {
            ready.Staged?.Dispose();
            ready.Staged = null;
            prefetcher.Return(ready);
        }
    }

    public override int Count => source.Count;

    public override IReadOnlyList<int>? ClassCounts { get; }

    public override TimeSpan Waited => prefetcher?.Waited ?? TimeSpan.Zero;

    public override Func<int, int, Tensor> Spread(int count) => (first, n) =>
    {
        var pixels = new byte[n * source.ImageBytes];
        for (var k = 0; k < n; k++)
            BatchPrefetcher.Read(source, (int)((long)(first + k) * source.Count / count), pixels.AsSpan(k * source.ImageBytes, source.ImageBytes), spec.SkipCorrupt ? [] : null);
        return Tensors.Of(pixels, [n, source.Channels, source.Side, source.Side], device).to(ScalarType.Float32).Over(127.5).Minus(1);
    };

    public override void Dispose()
    {
        StopReading();
        source.Dispose();
    }

    private void StopReading()
    {
        prefetcher?.Dispose();
        prefetcher = null;
    }
}
