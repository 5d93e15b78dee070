using SmtWeb.Data.Formats;
using SmtWeb.Torch;

namespace SmtWeb.Data.Batches;

/// <summary>
/// Batches from files: read ahead by <see cref="BatchPrefetcher"/>, in the order of an <see cref="EpochSampler"/>. Its
/// state is that of the last batch handed out, whatever was read ahead, so that a resumed run goes on bit for bit.
/// </summary>
internal sealed class StoredImageData : TrainingData
{
    private const int Ahead = 3;

    private readonly ImageSource _source;
    private readonly StoredDataSpec _spec;
    private readonly Device _device;
    private readonly int _classes;
    private readonly EpochSampler _sampler;
    private readonly HashSet<long> _reported = [];
    private BatchPrefetcher? _prefetcher;
    private bool _saidFew;
    private IReadOnlyList<long> _order;

    internal StoredImageData(StoredDataSpec spec, long seed, Device device)
    {
        (_spec, _device) = (spec, device);
        _source = ImageSources.Open(spec);
        try
        {
            ImageSources.EnsureFits(spec, _source);
            _classes = DataShape.Of(spec).Classes;
            ClassCounts = _classes == 0 ? null : _source.ClassCounts;
            _sampler = new EpochSampler(_source.Count, (ulong)seed);
            _order = _sampler.State;
        }
        catch
        {
            _source.Dispose();
            throw;
        }
    }

    /// <summary>Threads that decode: a quarter of the machine, for the trainer needs the rest.</summary>
    internal static int Workers => Math.Clamp(Environment.ProcessorCount / 4, 1, 8);

    protected override IReadOnlyList<long> Order
    {
        get => _order;
        set
        {
            StopReading();
            _sampler.State = value;
            _order = value;
        }
    }

    public override (Tensor Samples, Tensor? Labels) Next(int batch)
    {
        if (_prefetcher is not null && _prefetcher.BatchSize != batch)
        {
            StopReading();
            _sampler.State = _order;
        }

        if (batch > _source.Count && !_saidFew)
        {
            _saidFew = true;
            Note(
                $"The data have {_source.Count} images and a batch has {batch}: every batch shows images more than once. Use a smaller "
                    + "batch or more images."
            );
        }

        _prefetcher ??= new BatchPrefetcher(_source, _sampler, batch, _spec.HorizontalFlips, _spec.SkipCorrupt, Workers, Ahead, _device);
        var ready = _prefetcher.Take();
        try
        {
            _order = ready.OrderAfter;
            foreach (var skipped in ready.Skipped)
            {
                if (_reported.Add(skipped.Index))
                {
                    Note($"{skipped.Message} Skipped: the next record is taken in its place.");
                }
            }
            long[] shape = [batch, _source.Channels, _source.Side, _source.Side];
            var bytes = ready.Staged is { } staged ? HostTransfer.Start(staged, _device).view(shape) : Tensors.Of(ready.Pixels, shape);
            var x = bytes.to(ScalarType.Float32).Over(127.5).Minus(1);
            var labels =
                _classes == 0
                    ? null
                    : HostTransfer.OneHot(HostTransfer.Of(Array.ConvertAll(ready.Labels, l => (long)l), [batch], _device), _classes);
            return (x, labels);
        }
        finally
        {
            ready.Staged?.Dispose();
            ready.Staged = null;
            _prefetcher.Return(ready);
        }
    }

    public override DataReceipt Identify(string cache, Action<CheckProgress> progress, Action begins, CancellationToken ct) =>
        DataReceipts.Obtain(_spec, _source, cache, progress, ct, begins);

    public override int Count => _source.Count;

    public override IReadOnlyList<int>? ClassCounts { get; }

    public override TimeSpan Waited => _prefetcher?.Waited ?? TimeSpan.Zero;

    public override Func<int, int, Tensor> Spread(int count) =>
        (first, n) =>
        {
            var pixels = new byte[n * _source.ImageBytes];
            for (var k = 0; k < n; k++)
            {
                BatchPrefetcher.Read(
                    _source,
                    (int)((long)(first + k) * _source.Count / count),
                    pixels.AsSpan(k * _source.ImageBytes, _source.ImageBytes),
                    _spec.SkipCorrupt ? [] : null
                );
            }
            return Tensors
                .Of(pixels, [n, _source.Channels, _source.Side, _source.Side], _device)
                .to(ScalarType.Float32)
                .Over(127.5)
                .Minus(1);
        };

    public override void Dispose()
    {
        StopReading();
        _source.Dispose();
    }

    private void StopReading()
    {
        _prefetcher?.Dispose();
        _prefetcher = null;
    }
}
