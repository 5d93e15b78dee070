using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;
using SmtWeb.Measures;
using SmtWeb.Measures.Inception;
using SmtWeb.Measures.Statistics;
using SmtWeb.Smt.Session;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Evaluation;

/// <summary>A distance and what it was measured with; hashes are empty where there is no such thing.</summary>
internal sealed record MeasuredDistance(string Metric, double Value, int Samples, string ReferenceHash, string NetworkHash, string Resize)
{
    /// <summary>What to keep in mind when reading the number.</summary>
    internal IReadOnlyList<string> Warnings { get; init; } = [];
}

/// <summary>
/// The distance of a run's images while it trains: FID with the network of Fashion-MNIST on these, FID with Inception on all
/// others where the operator has put its file into <paramref name="metricsFolder"/>, else a distance of pixels. A run stays
/// with what it began with (<see cref="TrainingProgress.DistanceMetric"/>): its best checkpoint is the one of the smallest number.
/// </summary>
internal sealed class ImageDistance(TrainingState state, ITrainingJournal journal, string metricsFolder)
{
    /// <summary>Name of the distance of pixels in records.</summary>
    internal const string Pixels = "swd";

    private const string Fid = "fid";
    private const int Batch = 64;
    private const int ToldParts = 10;

    private ReferenceStatistics? _reference;
    private float[][]? _real;
    private string? _metric;
    private string? _reason;

    /// <summary>
    /// The distance of samples that <paramref name="draw"/>(from, count) gives in [-1,1]; null where it cannot be measured now, which the
    /// log tells.
    /// </summary>
    internal MeasuredDistance? Measure(Func<int, int, Tensor> draw, int samples)
    {
        if (state.Spec.Data is FashionMnistSpec)
        {
            using var fashion = FashionFid.Open(state.Device);
            return new(Fid, fashion.Distance(draw, samples), samples, fashion.ReferenceHash, fashion.NetworkHash, "none")
            {
                Warnings = [.. FewImages.Warnings(samples, FashionFid.ReferenceImages, fashion.Dimension)],
            };
        }

        using var network = OpenInception();
        if (_metric == Pixels)
        {
            return MeasurePixels(draw, samples);
        }
        return network is not null && EnsureReference(network) ? MeasureFeatures(network, draw, samples) : null;
    }

    private MeasuredDistance MeasureFeatures(InceptionFeatures network, Func<int, int, Tensor> draw, int samples)
    {
        var moments = new RunningMoments(network.Dimension);
        for (var from = 0; from < samples; from += Batch)
        {
            using var scope = torch.NewDisposeScope();
            var count = Math.Min(Batch, samples - from);
            var x = draw(from, count);
            var bytes = Tensors.Of(Quantisation.ToPixels(x), [count, x.size(2), x.size(3), x.size(1)]).permute(0, 3, 1, 2).contiguous();
            moments.Add(network.Measure(bytes, wantLogits: false).Features);
        }

        var distance = FrechetDistance.Between(moments.Mean(), moments.Covariance(), _reference!.Mean, _reference.Covariance).Value;
        return new(Fid, distance, samples, _reference.Hash, network.Hash, network.Resize)
        {
            Warnings = [.. FewImages.Warnings(samples, _reference.Origin?.Images ?? 0, network.Dimension)],
        };
    }

    private MeasuredDistance? MeasurePixels(Func<int, int, Tensor> draw, int samples)
    {
        var shape = DataShape.Of(state.Spec.Data);
        var count = Math.Min(samples, state.Data.Count);
        var size = shape.Channels * shape.Side * shape.Side;
        try
        {
            if (_real is null || _real[0].Length != count)
            {
                _real = PixelWasserstein.Project(state.Data.Spread(count), count, size, state.Device);
            }
        }
        catch (Exception e) when (IsOfData(e))
        {
            Unmeasured(e);
            return null;
        }

        var distance = PixelWasserstein.Distance(_real, PixelWasserstein.Project(draw, count, size, state.Device));
        return new(Pixels, distance, count, state.Progress.Data?.Sha256 ?? "", "", "none") { Warnings = _reason is null ? [] : [_reason] };
    }

    // Decides, at the first evaluation, what the run is measured by.
    private InceptionFeatures? OpenInception()
    {
        if (_metric == Pixels)
        {
            return null;
        }
        var before = state.Progress.DistanceMetric;
        if (before == Pixels && HasFile())
        {
            Take(
                Pixels,
                LogLevel.Information,
                "Measured by the sliced Wasserstein-2 distance of pixels, as this run began: numbers of two kinds would not rank its "
                    + "checkpoints. A new run is measured by FID, and so is a checkpoint by \"Evaluate…\"."
            );
            return null;
        }

        try
        {
            var network = InceptionFiles.Open(metricsFolder, InceptionResize.Tf1, state.Device);
            _metric = Fid;
            return network;
        }
        catch (Exception e) when (before == Fid && (e is IOException or InvalidDataException))
        {
            if (_reason is null)
            {
                Take(
                    Fid,
                    LogLevel.Warning,
                    $"The distance is not measured. This run's are FIDs, and the network of FID cannot be read here: {e.Message}"
                );
            }
        }
        catch (FileNotFoundException)
        {
            Take(
                Pixels,
                LogLevel.Information,
                $"No FID: the folder {Path.GetFullPath(metricsFolder)} does not hold the Inception network that it is measured with. "
                    + "The distance is the sliced Wasserstein-2 distance of pixels, which sees colours and coarse shapes only. "
                    + $"For FID put {InceptionFiles.Known[0].File} (pytorch-fid) or {InceptionFiles.Known[2].File} (NVIDIA) there "
                    + "before a run starts: docs/metrics.md says where they are."
            );
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            Take(
                Pixels,
                LogLevel.Warning,
                $"No FID; the distance is the sliced Wasserstein-2 distance of pixels. The Inception network cannot be used: {e.Message}"
            );
        }

        return null;
    }

    private void Take(string chosen, LogLevel level, string why)
    {
        (_metric, _reason) = (chosen, why);
        journal.Log(level, why);
    }

    private bool HasFile() => InceptionFiles.Known.Any(k => File.Exists(Path.Combine(metricsFolder, k.File)));

    private static bool IsOfData(Exception e) => e is IOException or InvalidDataException or UnauthorizedAccessException;

    // a point that is missing ends no run; the next batch does, if the data are gone for good
    private void Unmeasured(Exception e) =>
        journal.Log(LogLevel.Warning, $"The distance was not measured, because the data cannot be read: {e.Message}");

    // False where the run is to pause or end before the data are measured, or they cannot be read.
    private bool EnsureReference(InceptionFeatures network)
    {
        if (_reference is not null)
        {
            return true;
        }
        var cache = Path.Combine(metricsFolder, "cache");
        using var images = EvaluationImages.Of(state.Spec.Data, cache);
        using var stop = new CancellationTokenSource();
        var told = 0L;
        try
        {
            _reference = FeatureNetworks.Reference(images, network, cache, Tell, stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            journal.Log(
                LogLevel.Information,
                "The data were not measured to the end, because the run is to pause or end; FID begins when it goes on."
            );
            return false;
        }
        catch (Exception e) when (IsOfData(e))
        {
            Unmeasured(e);
            return false;
        }

        journal.Log(
            LogLevel.Information,
            $"The distance is FID: {network.Name}, resize {network.Resize}, reference {images.Count:N0} images of {images.Name}."
        );
        return true;

        void Tell(MeasureProgress progress)
        {
            // also a sign of life: measuring a large set may take long on a CPU
            if (journal.Signal != TrainingSignal.Continue)
            {
                stop.Cancel();
            }
            var part = progress.Done * ToldParts / Math.Max(1, progress.Total);
            if (told == part)
            {
                return;
            }
            told = part;
            journal.Log(
                LogLevel.Information,
                $"Measuring the data for FID, once: {progress.Done:N0} of {progress.Total:N0} images. The result is kept in {cache}; "
                    + "`smtweb stats` makes it beforehand."
            );
        }
    }
}
