using System.Diagnostics;
using System.Threading.Channels;
using SmtWeb.Smt.Sampling;

namespace SmtWeb.Worker.Generation;

/// <summary>
/// One loaded model and its queue. Requests that wait together share a network call; an image depends on its seed and
/// label alone, so sharing changes no pixel.
/// </summary>
internal sealed class ModelHost : IAsyncDisposable
{
    private readonly IOneStepGenerator _generator;
    private readonly GenerationOptions _options;
    private readonly SemaphoreSlim _machine;
    private readonly Channel<Order> _orders = Channel.CreateUnbounded<Order>(new() { SingleReader = true });
    private readonly Task _loop;
    private int _waiting;
    private double _imagesPerSecond;

    public ModelHost(GenerationModel model, IOneStepGenerator generator, GenerationOptions options, SemaphoreSlim machine)
    {
        (Model, _generator, _options, _machine) = (model, generator, options, machine);
        _loop = Task.Run(ServeAsync);
    }

    public GenerationModel Model { get; }

    /// <summary>Images that wait or are being drawn.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Null where the host is being unloaded: ask the cache again.</summary>
    public async Task<GenerationResult?> GenerateAsync(GenerationRequest request, CancellationToken ct)
    {
        var (seeds, labels) = (request.Seeds, request.Labels);
        if (Invalid(request) is { } invalid)
        {
            return invalid;
        }

        int waiting = Interlocked.Add(ref _waiting, seeds.Count);
        var order = new Order(seeds, Labels(seeds, labels), request.Steps, ct);
        if (waiting > _options.WaitingImages && waiting > seeds.Count)
        {
            Interlocked.Add(ref _waiting, -seeds.Count);
            double seconds = Math.Clamp(waiting / Math.Max(_imagesPerSecond, 1), 1, 60);
            return new GenerationResult.Busy(
                $"{waiting - seeds.Count} images wait for this model; with these {seeds.Count} it would be more than "
                    + $"{_options.WaitingImages}.",
                TimeSpan.FromSeconds(Math.Ceiling(seconds))
            );
        }

        if (!_orders.Writer.TryWrite(order))
        {
            Interlocked.Add(ref _waiting, -seeds.Count);
            return null;
        }

        using var cancelled = ct.Register(() => order.Answer.TrySetCanceled(ct));
        return new GenerationResult.Done(Model, await order.Answer.Task);
    }

    public async ValueTask DisposeAsync()
    {
        _orders.Writer.TryComplete();
        await _loop;
        _generator.Dispose();
    }

    private GenerationResult.Invalid? Invalid(GenerationRequest request)
    {
        var (seeds, labels) = (request.Seeds, request.Labels);
        if (GenerationSteps.Problem(Model.StepChoices, request.Steps) is { } problem)
        {
            return new("num_steps", problem);
        }

        if (seeds.Count == 0 || seeds.Count > _options.RequestImages)
        {
            return new("seeds", $"{seeds.Count} images are asked for; from 1 to {_options.RequestImages} can be drawn by one request.");
        }

        if (labels is null)
        {
            return null;
        }

        if (Model.ClassCount == 0)
        {
            return new("class_labels", "This model is unconditional: leave the class labels out.");
        }

        if (labels.Count != seeds.Count)
        {
            return new(
                "class_labels",
                $"There are {labels.Count} class labels for {seeds.Count} images; give one each, or a single class_label."
            );
        }

        for (int i = 0; i < labels.Count; i++)
        {
            if (labels[i] < 0 || labels[i] >= Model.ClassCount)
            {
                return new(
                    $"class_labels[{i}]",
                    $"Class {labels[i]} does not exist; this model has the classes 0 to {Model.ClassCount - 1}."
                );
            }
        }

        return null;
    }

    /// <summary>
    /// The class of an image depends on its seed where none is asked for: the same alone, in a range that begins elsewhere, and in a shared
    /// call.
    /// </summary>
    private IReadOnlyList<int>? Labels(IReadOnlyList<ulong> seeds, IReadOnlyList<int>? labels) =>
        Model.ClassCount == 0 ? null : labels ?? [.. seeds.Select(seed => (int)(seed % (ulong)Model.ClassCount))];

    private async Task ServeAsync()
    {
        var batch = new List<Piece>();
        while (batch.Count > 0 || await _orders.Reader.WaitToReadAsync())
        {
            // Whatever waits now goes together; nothing waits for company. What does not fit goes first into the next call.
            while (batch.Sum(p => p.Count) < _options.BatchImages && _orders.Reader.TryRead(out var order))
            {
                batch.AddRange(order.Cut(_options.BatchImages));
            }

            if (batch.Count > 0)
            {
                await CallAsync(TakeOneCall(batch));
            }
        }
    }

    /// <summary>What a call can take: as many images as fit, all drawn in as many steps.</summary>
    private List<Piece> TakeOneCall(List<Piece> batch)
    {
        int taken = 0;
        int images = 0;
        while (
            taken < batch.Count
            && (taken == 0 || (images + batch[taken].Count <= _options.BatchImages && batch[taken].Order.Steps == batch[0].Order.Steps))
        )
        {
            images += batch[taken++].Count;
        }

        var call = batch[..taken];
        batch.RemoveRange(0, taken);
        return call;
    }

    private async Task CallAsync(List<Piece> pieces)
    {
        foreach (var gone in pieces.Where(p => p.Order.Answer.Task.IsCompleted))
        {
            Interlocked.Add(ref _waiting, -gone.Count);
        }

        pieces.RemoveAll(p => p.Order.Answer.Task.IsCompleted);
        if (pieces.Count == 0)
        {
            return;
        }

        ulong[] seeds = [.. pieces.SelectMany(p => p.Order.Seeds.Skip(p.First).Take(p.Count))];
        int[]? labels = Model.ClassCount == 0 ? null : [.. pieces.SelectMany(p => p.Order.Labels!.Skip(p.First).Take(p.Count))];
        await _machine.WaitAsync();
        try
        {
            long begin = Stopwatch.GetTimestamp();
            var images = _generator.Generate(seeds, labels, pieces[0].Order.Steps);
            _imagesPerSecond = seeds.Length / Math.Max(Stopwatch.GetElapsedTime(begin).TotalSeconds, 1e-6);
            int offset = 0;
            foreach (var piece in pieces)
            {
                piece.Order.Place(piece, images, offset);
                offset += piece.Count;
            }
        }
        catch (Exception e)
        {
            // The caller of each request gets the fault; the model goes on serving others.
            pieces.ForEach(p => p.Order.Answer.TrySetException(e));
        }
        finally
        {
            _machine.Release();
            Interlocked.Add(ref _waiting, -seeds.Length);
        }
    }

    /// <summary>A stretch of one order that fits into one call.</summary>
    private readonly record struct Piece(Order Order, int First, int Count);

    private sealed class Order(IReadOnlyList<ulong> seeds, IReadOnlyList<int>? labels, int? steps, CancellationToken ct)
    {
        private byte[] _pixels = [];
        private int _placed;

        public IReadOnlyList<ulong> Seeds => seeds;

        public IReadOnlyList<int>? Labels => labels;

        public int? Steps => steps;

        public TaskCompletionSource<GeneratedImages> Answer { get; } = new(ct, TaskCreationOptions.RunContinuationsAsynchronously);

        public IEnumerable<Piece> Cut(int most)
        {
            for (int first = 0; first < seeds.Count; first += most)
            {
                yield return new(this, first, Math.Min(most, seeds.Count - first));
            }
        }

        public void Place(Piece piece, GeneratedImages images, int offset)
        {
            int image = images.Height * images.Width * images.Channels;
            if (_placed == 0)
            {
                _pixels = new byte[image * seeds.Count];
            }

            images.Pixels.AsSpan(offset * image, piece.Count * image).CopyTo(_pixels.AsSpan(piece.First * image));
            _placed += piece.Count;
            if (_placed == seeds.Count)
            {
                Answer.TrySetResult(
                    new(
                        seeds.Count,
                        images.Height,
                        images.Width,
                        images.Channels,
                        _pixels,
                        seeds,
                        labels ?? [.. Enumerable.Repeat(-1, seeds.Count)]
                    )
                );
            }
        }
    }
}
