using SmtWeb.Data.Batches;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;
using SmtWeb.Data.Images.Figures;
using SmtWeb.Measures;
using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Evaluation;

/// <summary>Draws the pictures of an evaluation and measures its distance, both with the averaged generator.</summary>
internal sealed class RunEvaluator(TrainingState state, ITrainingJournal journal, string metricsFolder)
{
    /// <summary>Steps of an interpolation strip, both ends included.</summary>
    private const int InterpolationSteps = 12;

    /// <summary>Interpolation rows: each between two seeds of its own.</summary>
    private const int InterpolationRows = 4;

    private readonly DataShape _shape = DataShape.Of(state.Spec.Data);
    private readonly int[] _present = ClassCoverage.Present(state.Data.ClassCounts, DataShape.Of(state.Spec.Data).Classes);
    private readonly ImageDistance _distance = new(state, journal, metricsFolder);
    private OneStepSampler _sampler = OneStepSampler.For(state.Spec.Method, state.Average, state.Device);

    internal void Evaluate(double seconds, bool final)
    {
        using var scope = torch.NewDisposeScope();
        if (state.IsWarmup)
        {
            state.ResetAverages();
        }
        var samples = final ? state.Spec.Evaluation.FinalSamples : state.Spec.Evaluation.Samples;
        if (_shape.IsPoints)
        {
            DrawPoints(samples, seconds);
        }
        else
        {
            DrawImages();
        }
        if (state.Spec.Evaluation.Measure != EvaluationMeasure.InTraining)
        {
            return;
        }
        if (Measure(samples, seconds, final) is not { } record)
        {
            return;
        }
        record = PointOut(record);
        journal.Evaluation(record);
        journal.Metrics([new MetricPoint(NameOf(record), record.Iteration, record.ImagesSeen, seconds, record.Value)]);
        var best = double.IsFinite(record.Value)
            ? Math.Min(record.Value, state.Progress.BestDistance ?? record.Value)
            : state.Progress.BestDistance;
        state.Progress = state.Progress with { Distance = record.Value, DistanceMetric = record.Metric, BestDistance = best };
        EvaluateFurtherAverages(samples, seconds, final);
    }

    // A run that has come apart may go on for days with finite losses.
    private EvaluationRecord PointOut(EvaluationRecord record)
    {
        if (Explosion.Describe(record.Value, state.Progress.BestDistance) is not { } wrong)
        {
            return record;
        }
        var warning =
            $"The distance at iteration {record.Iteration:N0} is {wrong}: the run has most likely come apart. Stop it, and fork it from "
            + "a checkpoint of before with lower learning rates.";
        journal.Log(LogLevel.Warning, warning);
        return record with { Warnings = [.. record.Warnings ?? [], warning] };
    }

    private string NameOf(EvaluationRecord record) =>
        _shape.IsPoints ? MetricNames.SlicedWasserstein
        : record.Metric == "swd" ? MetricNames.PixelWasserstein
        : MetricNames.Fid;

    private EvaluationRecord? Measure(int samples, double seconds, bool final) =>
        _shape.IsPoints ? EvaluatePoints(samples, seconds, final) : EvaluateImages(samples, seconds, final);

    // a line of the distance for each, no pictures
    private void EvaluateFurtherAverages(int samples, double seconds, bool final)
    {
        if (state.Averages.Count == 1)
        {
            return;
        }
        var first = _sampler;
        foreach (var average in state.Averages.Skip(1))
        {
            _sampler = OneStepSampler.For(state.Spec.Method, average.Network, state.Device);
            if (Measure(samples, seconds, final) is not { } record)
            {
                break;
            }
            journal.Metrics([new MetricPoint(NameOf(record) + average.Suffix, record.Iteration, record.ImagesSeen, seconds, record.Value)]);
        }
        _sampler = first;
    }

    private EvaluationRecord EvaluatePoints(int samples, double seconds, bool final)
    {
        var (reference, drawn) = Points(samples);
        // points that are nowhere have no distance, which is a result and no fault of the data
        var distance = Array.TrueForAll(drawn, float.IsFinite) ? SlicedWasserstein.Distance(reference, drawn) : double.NaN;
        return Record("sw2", distance, samples, seconds, final, "", "", "none", "none");
    }

    private void DrawPoints(int samples, double seconds)
    {
        var (reference, drawn) = Points(samples);
        journal.Metrics([
            new MetricPoint(
                MetricNames.OffRoll,
                state.Progress.Iteration,
                state.Progress.ImagesSeen,
                seconds,
                RollShare.Off(drawn, ((SwissRollSpec)state.Spec.Data).Noise)
            ),
        ]);
        journal.Picture(Picture(PictureKind.Scatter, 1, 1, 0, [], PointFigure.Draw(reference, drawn).ToPng()));
    }

    // a fixed draw of the data of its own: the same reference for every run
    private (float[] Reference, float[] Drawn) Points(int samples) =>
        (
            SwissRoll.Draw(new HostRandom(seed: 0, stream: 5), samples, ((SwissRollSpec)state.Spec.Data).Noise),
            _sampler.Draw(Seeds(0, samples), null).ToArray<float>()
        );

    private void DrawImages()
    {
        DrawGrid();
        DrawInterpolations();
    }

    private EvaluationRecord? EvaluateImages(int samples, double seconds, bool final)
    {
        var labels = _shape.Classes == 0 ? null : Enumerable.Range(0, samples).Select(k => _present[k % _present.Length]).ToArray();
        var finite = true;
        var measured = _distance.Measure(Draw, samples);
        if (measured is null)
        {
            return null;
        }
        List<string> warnings = [.. measured.Warnings];
        if (ClassCoverage.Describe(state.Data.ClassCounts, _shape.Classes, _shape.ClassNames) is { } empty)
        {
            warnings.Add($"{empty}. The images are of the other classes.");
        }
        // what is no number is some byte in an image
        return Record(
            measured.Metric,
            finite ? measured.Value : double.NaN,
            measured.Samples,
            seconds,
            final,
            measured.ReferenceHash,
            measured.NetworkHash,
            measured.Resize,
            _shape.Classes == 0 ? "unconditional" : "balanced"
        ) with
        {
            Warnings = warnings.Count > 0 ? warnings : null,
        };

        Tensor Draw(int from, int count)
        {
            var images = _sampler.Draw(Seeds((ulong)from, count), labels?.AsSpan(from, count).ToArray());
            finite &= images.isfinite().all().to(ScalarType.Float32).ToDouble() > 0;
            return images;
        }
    }

    // one row per class; the same noise in a column of every class, every grid and every run
    private void DrawGrid()
    {
        var columns = state.Spec.Evaluation.GridColumns;
        // a thousand rows make no picture: classes evenly spread
        var classes = Enumerable
            .Range(0, Math.Min(_shape.Classes, PictureRecord.MostRows))
            .Select(k => (int)((long)k * _shape.Classes / Math.Min(_shape.Classes, PictureRecord.MostRows)))
            .ToArray();
        var rows = _shape.Classes == 0 ? columns : classes.Length;
        var seeds = Enumerable.Range(0, rows * columns).Select(k => (ulong)(_shape.Classes == 0 ? k : k % columns)).ToArray();
        var labels = _shape.Classes == 0 ? null : Enumerable.Range(0, rows * columns).Select(k => classes[k / columns]).ToArray();
        var pixels = Quantisation.ToPixels(_sampler.Draw(seeds, labels));
        journal.Picture(
            Picture(
                PictureKind.Samples,
                rows,
                columns,
                _shape.Side,
                [.. classes.Select(k => _shape.ClassNames[k])],
                ImageGrid.Compose(pixels, _shape.Side, _shape.Side, _shape.Channels, columns).ToPng()
            )
        );
    }

    private void DrawInterpolations()
    {
        var parts = new List<byte>();
        var names = new List<string>();
        for (var row = 0; row < InterpolationRows; row++)
        {
            using var scope = torch.NewDisposeScope();
            var label = _shape.Classes == 0 ? 0 : row * _shape.Classes / InterpolationRows;
            var noise = _sampler.Interpolate((ulong)(2 * row), (ulong)((2 * row) + 1), InterpolationSteps);
            var labels = _shape.Classes == 0 ? null : Enumerable.Repeat(label, InterpolationSteps).ToArray();
            parts.AddRange(Quantisation.ToPixels(_sampler.Draw(noise, labels)));
            names.Add(_shape.Classes == 0 ? $"seeds {2 * row} to {(2 * row) + 1}" : _shape.ClassNames[label]);
        }
        journal.Picture(
            Picture(
                PictureKind.Interpolation,
                InterpolationRows,
                InterpolationSteps,
                _shape.Side,
                names,
                ImageGrid.Compose([.. parts], _shape.Side, _shape.Side, _shape.Channels, InterpolationSteps).ToPng()
            )
        );
    }

    private PictureRecord Picture(PictureKind kind, int rows, int columns, int cell, IReadOnlyList<string> names, byte[] png) =>
        new(kind, state.Progress.Iteration, state.Progress.ImagesSeen, rows, columns, cell, names, png);

    private EvaluationRecord Record(
        string metric,
        double value,
        int samples,
        double seconds,
        bool final,
        string reference,
        string network,
        string resize,
        string labels
    ) =>
        new(
            metric,
            value,
            state.Progress.Iteration,
            state.Progress.ImagesSeen,
            seconds,
            samples,
            FirstSeed: 0,
            reference,
            network,
            resize,
            labels,
            state.Spec.Optimisation.EmaDecay > 0 && !state.IsWarmup ? "ema" : "raw",
            final
        )
        {
            Rounding = _shape.IsPoints ? "none" : "edm",
            Steps = GenerationSteps.Taken(state.Spec.Method, null),
        };

    private static ulong[] Seeds(ulong first, int count)
    {
        var seeds = new ulong[count];
        for (var k = 0; k < count; k++)
        {
            seeds[k] = first + (ulong)k;
        }
        return seeds;
    }
}
