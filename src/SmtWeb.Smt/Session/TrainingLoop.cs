using System.Diagnostics;
using SmtWeb.Data.Batches;
using SmtWeb.Smt.Evaluation;
using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Session;

/// <summary>
/// Runs iterations of any method and does everything around them: data, averages, curves, evaluations, checkpoints,
/// signals. The mathematics is in the trainers (<c>SmtTrainer</c>, <c>SmdTrainer</c>, …).
/// </summary>
internal sealed class TrainingLoop : IDisposable
{
    /// <summary>A run that fails this often in a row cannot help itself.</summary>
    private const int MaxSkippedInRow = 3;

    private readonly TrainingState _state;
    private readonly ITrainingJournal _journal;
    private readonly RankGroup? _ranks;
    private readonly RunEvaluator _evaluator;
    private readonly Stopwatch _clock = new();
    private readonly double _secondsBefore;
    private readonly List<MetricPoint> _points = [];
    private readonly SkippedSteps _skipped;
    private long _lastCheckpoint = -1;
    private (long Images, double Seconds) _lastSpeed;

    internal TrainingLoop(TrainingState state, ITrainingJournal journal, RankGroup? ranks, string metricsFolder)
    {
        (_state, _journal, _ranks) = (state, journal, ranks);
        _evaluator = new RunEvaluator(state, journal, metricsFolder);
        _secondsBefore = state.Progress.Seconds;
        _skipped = new SkippedSteps(state.Device);
        _lastSpeed = (state.Progress.ImagesSeen, _secondsBefore);
    }

    private double Seconds => _secondsBefore + _clock.Elapsed.TotalSeconds;

    // what rank 0 is told holds for all of them
    private TrainingSignal Signal => _ranks is null ? _journal.Signal : (TrainingSignal)_ranks.Agree((long)_journal.Signal);

    internal TrainingResult Run()
    {
        _clock.Start();
        var evaluation = _state.Spec.Evaluation;
        var due = false; // a checkpoint
        // One that was interrupted before its first iteration has written this already; a checkpoint has taken time to reach.
        if (_state.Progress is { Iteration: 0, Seconds: 0 })
        {
            if (!_state.IsWarmup)
            {
                _state.EndWarmup();
            }
            Evaluate(final: false);
        }
        while (_state.Progress.Iteration < _state.TotalIterations)
        {
            switch (Signal)
            {
                case TrainingSignal.Continue:
                    break;
                case TrainingSignal.Pause:
                    Checkpoint("paused");
                    return new(TrainingOutcome.Paused, "Paused by request.");
                case TrainingSignal.Stop:
                    Checkpoint("stopped");
                    return new(TrainingOutcome.Stopped, "Stopped by request.");
                case TrainingSignal.Abandon:
                    return new(TrainingOutcome.Abandoned, "The attempt no longer owns the run.");
            }
            try
            {
                Iterate();
            }
            catch (DataStoppedException)
            {
                // before anything of this iteration was done; the other ranks find the same, or that this one is gone
                if (_ranks is null or { Rank: 0 })
                {
                    Write("data");
                }
                throw;
            }
            var k = _state.Progress.Iteration;
            var last = k == _state.TotalIterations;
            due |= last || k % evaluation.CheckpointEvery == 0;
            if (due)
            {
                NoteSkipped(); // on a GPU it is not known before it is asked for
            }
            if (_skipped.InRow >= MaxSkippedInRow)
            {
                return NotFinite();
            }
            if (last || k % evaluation.EveryIterations == 0)
            {
                Flush();
                Evaluate(final: last);
                _lastSpeed = (_state.Progress.ImagesSeen, Seconds); // evaluation time is not training speed
            }
            // none while steps are skipped: should they go on, the newest one is of before the first of them
            if (!due || (_skipped.InRow > 0 && !last))
            {
                continue;
            }
            Checkpoint(last ? "finished" : "scheduled");
            due = false;
        }
        Flush();
        return new(TrainingOutcome.Finished, "All iterations done.");
    }

    private TrainingResult NotFinite()
    {
        Flush();
        var first = _state.Progress.Iteration - _skipped.InRow + 1;
        return new(
            TrainingOutcome.NotFinite,
            $"The loss or a gradient was not finite in {_skipped.InRow} iterations in a row, first at iteration {first:N0}. Fork the "
                + "run from a checkpoint of before that with lower learning rates or a smaller gradient clip; "
                + "resumed, it goes on from the newest one before it and most likely comes to the same."
        )
        {
            FirstBadIteration = first,
        };
    }

    internal void Iterate()
    {
        using var scope = torch.NewDisposeScope();
        var batch = _state.Spec.Optimisation.BatchSize;
        var k = _state.Progress.Iteration;
        var (x_real, labels) = Read(batch);
        var share = _state.Random.Share;
        if (!share.IsAll)
        {
            (x_real, labels) = (x_real.narrow(0, share.From, share.Count), labels?.narrow(0, share.From, share.Count));
        }
        if (_state.Device.type == DeviceType.CUDA)
        {
            Gpu.Seed(HostRandom.SeedOf((ulong)(_state.Spec.Seed + k), 32 + (ulong)(_ranks?.Rank ?? 0))); // of dropout
        }
        var report = _state.Method.Step(k, x_real, labels);
        if (report.OfGenerator is { } norm)
        {
            _state.UpdateAverages(norm);
        }
        var known = _skipped.Observe(report.Norms);
        // it was of other weights
        _state.Progress = _state.Progress with
        {
            Iteration = k + 1,
            ImagesSeen = _state.Progress.ImagesSeen + batch,
            Distance = null,
        };
        if (known)
        {
            NoteSkipped();
        }
        if (k + 1 == _state.Spec.Method.Warmup())
        {
            _state.EndWarmup();
            _journal.Log(LogLevel.Information, $"Warm-up done after {k + 1} iterations.");
        }
        Record(report.Curves, k + 1, force: known && _skipped.InRow > 0);
    }

    private (Tensor Samples, Tensor? Labels) Read(int batch)
    {
        try
        {
            return _state.Data.Next(batch);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new DataStoppedException(_state.Progress.Iteration, e);
        }
    }

    // on a GPU the numbers are asked for only where curves are
    private void NoteSkipped()
    {
        if (_skipped.Take() is not (> 0 and var count))
        {
            return;
        }
        _state.Progress = _state.Progress with { SkippedSteps = _state.Progress.SkippedSteps + count };
        _journal.Log(
            LogLevel.Warning,
            count == 1
                ? $"Iteration {_state.Progress.Iteration} was skipped: its loss or gradient is not finite."
                : $"{count} iterations up to {_state.Progress.Iteration} were skipped: their loss or gradient is not finite."
        );
    }

    // the generator has points of its own: every n-th iteration may never fall on the metric grid
    private void Record(IReadOnlyList<Curve> curves, long k, bool force)
    {
        var every = _state.Spec.Evaluation.MetricsEvery;
        var n = _state.Method.IterationsPerGeneratorUpdate;
        var wanted = force || k % every == 0;
        var wantedGenerator = wanted || (k - 1) % Math.Max(n, every / n * n) == 0;
        var (images, seconds) = (_state.Progress.ImagesSeen, Seconds);
        var due = curves.Where(c => c.OfGenerator ? wantedGenerator : wanted).ToList();
        var values = due.Select(c => c.Value()).ToArray();
        if (_ranks is not null)
        {
            values = _ranks.Mean(values); // every rank has the loss of its rows
        }
        _points.AddRange(due.Select((c, i) => new MetricPoint(c.Name, k, images, seconds, values[i])));
        if (!wanted)
        {
            return;
        }
        NoteSkipped();
        if (seconds > _lastSpeed.Seconds)
        {
            _points.Add(
                new(MetricNames.ImagesPerSecond, k, images, seconds, (images - _lastSpeed.Images) / (seconds - _lastSpeed.Seconds))
            );
        }
        _lastSpeed = (images, seconds);
        if (_state.Progress.SkippedSteps > 0)
        {
            _points.Add(new(MetricNames.SkippedSteps, k, images, seconds, _state.Progress.SkippedSteps));
        }
        Flush();
    }

    private void Evaluate(bool final) => Alone(() => _evaluator.Evaluate(Seconds, final));

    // one of several ranks does it, and the others wait
    private void Alone(Action work)
    {
        if (_ranks is null)
        {
            work();
        }
        else
        {
            _ranks.WhileFirst(work);
        }
    }

    private void Flush()
    {
        if (_points.Count == 0)
        {
            return;
        }
        _journal.Metrics([.. _points]);
        _points.Clear();
    }

    private void Checkpoint(string reason)
    {
        var k = _state.Progress.Iteration;
        if (_lastCheckpoint == k)
        {
            return;
        }
        NoteSkipped();
        Flush();
        Alone(() => Write(reason));
        _lastCheckpoint = k;
    }

    private void Write(string reason)
    {
        if (_lastCheckpoint == _state.Progress.Iteration)
        {
            return;
        }
        Flush();
        _state.Progress = _state.Progress with { Seconds = Seconds };
        _journal.Checkpoint(
            new CheckpointRecord(
                _state.Progress.Iteration,
                _state.Progress.ImagesSeen,
                _state.Progress.Seconds,
                _state.Progress.Distance,
                reason
            ),
            _state.Save
        );
    }

    /// <inheritdoc/>
    public void Dispose() => _skipped.Dispose();
}
