using System.Diagnostics;
using SmtWeb.Smt.Datasets;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Training;

/// <summary>
/// Runs iterations of any method and does everything around them: data, averages, curves, evaluations, checkpoints,
/// signals. The mathematics is in the trainers (<c>SmtTrainer</c>, <c>SmdTrainer</c>, …).
/// </summary>
internal sealed class TrainingLoop : IDisposable
{
    /// <summary>A run that fails this often in a row cannot help itself.</summary>
    private const int MaxSkippedInRow = 3;

    private readonly TrainingState state;
    private readonly ITrainingJournal journal;
    private readonly RankGroup? ranks;
    private readonly RunEvaluator evaluator;
    private readonly Stopwatch clock = new();
    private readonly double secondsBefore;
    private readonly List<MetricPoint> points = [];
    private readonly SkippedSteps skipped;
    private long lastCheckpoint = -1;
    private (long Images, double Seconds) lastSpeed;

    internal TrainingLoop(TrainingState state, ITrainingJournal journal, RankGroup? ranks, string metricsFolder)
    {
        (this.state, this.journal, this.ranks) = (state, journal, ranks);
        evaluator = new RunEvaluator(state, journal, metricsFolder);
        secondsBefore = state.Progress.Seconds;
        skipped = new SkippedSteps(state.Device);
        lastSpeed = (state.Progress.ImagesSeen, secondsBefore);
    }

    private double Seconds => secondsBefore + clock.Elapsed.TotalSeconds;

    // what rank 0 is told holds for all of them
    private TrainingSignal Signal => ranks is null ? journal.Signal : (TrainingSignal)ranks.Agree((long)journal.Signal);

    internal TrainingResult Run()
    {
        clock.Start();
        var evaluation = state.Spec.Evaluation;
        // One that was interrupted before its first iteration has written this already; a checkpoint has taken time to reach.
        if (state.Progress is { Iteration: 0, Seconds: 0 })
        {
            if (!state.IsWarmup) state.EndWarmup();
            Evaluate(final: false);
        }
        while (state.Progress.Iteration < state.TotalIterations)
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
            Iterate();
            if (skipped.InRow >= MaxSkippedInRow)
            {
                Flush();
                Checkpoint("not finite");
                return new(TrainingOutcome.Paused, $"The loss or a gradient was not finite in {MaxSkippedInRow} iterations in a row (at iteration {state.Progress.Iteration}); lower the learning rates, or clone the run from an earlier checkpoint.");
            }
            var k = state.Progress.Iteration;
            var last = k == state.TotalIterations;
            if (last || k % evaluation.EveryIterations == 0)
            {
                Flush();
                Evaluate(final: last);
                lastSpeed = (state.Progress.ImagesSeen, Seconds); // evaluation time is not training speed
            }
            if (last || k % evaluation.CheckpointEvery == 0) Checkpoint(last ? "finished" : "scheduled");
        }
        Flush();
        return new(TrainingOutcome.Finished, "All iterations done.");
    }

    internal void Iterate()
    {
        using var scope = torch.NewDisposeScope();
        var batch = state.Spec.Optimisation.BatchSize;
        var k = state.Progress.Iteration;
        var (x_real, labels) = state.Data.Next(batch);
        var share = state.Random.Share;
        if (!share.IsAll) (x_real, labels) = (x_real.narrow(0, share.From, share.Count), labels?.narrow(0, share.From, share.Count));
        if (state.Device.type == DeviceType.CUDA) Gpu.Seed(HostRandom.SeedOf((ulong)(state.Spec.Seed + k), 32 + (ulong)(ranks?.Rank ?? 0))); // of dropout
        var report = state.Method.Step(k, x_real, labels);
        if (report.OfGenerator is { } norm) state.UpdateAverages(norm);
        var known = skipped.Observe(report.Norms);
        state.Progress = state.Progress with { Iteration = k + 1, ImagesSeen = state.Progress.ImagesSeen + batch, Distance = null }; // it was of other weights
        if (known) NoteSkipped();
        if (k + 1 == state.Spec.Method.Warmup())
        {
            state.EndWarmup();
            journal.Log(LogLevel.Information, $"Warm-up done after {k + 1} iterations.");
        }
        Record(report.Curves, k + 1, force: known && skipped.InRow > 0);
    }

    // on a GPU the numbers are asked for only where curves are
    private void NoteSkipped()
    {
        if (skipped.Take() is not (> 0 and var count)) return;
        state.Progress = state.Progress with { SkippedSteps = state.Progress.SkippedSteps + count };
        journal.Log(LogLevel.Warning, count == 1 ? $"Iteration {state.Progress.Iteration} was skipped: its loss or gradient is not finite." : $"{count} iterations up to {state.Progress.Iteration} were skipped: their loss or gradient is not finite.");
    }

    // the generator has points of its own: every n-th iteration may never fall on the metric grid
    private void Record(IReadOnlyList<Curve> curves, long k, bool force)
    {
        var every = state.Spec.Evaluation.MetricsEvery;
        var n = state.Method.IterationsPerGeneratorUpdate;
        var wanted = force || k % every == 0;
        var wantedGenerator = wanted || (k - 1) % Math.Max(n, every / n * n) == 0;
        var (images, seconds) = (state.Progress.ImagesSeen, Seconds);
        var due = curves.Where(c => c.OfGenerator ? wantedGenerator : wanted).ToList();
        var values = due.Select(c => c.Value()).ToArray();
        if (ranks is not null) values = ranks.Mean(values); // every rank has the loss of its rows
        points.AddRange(due.Select((c, i) => new MetricPoint(c.Name, k, images, seconds, values[i])));
        if (!wanted) return;
        NoteSkipped();
        if (seconds > lastSpeed.Seconds)
            points.Add(new(MetricNames.ImagesPerSecond, k, images, seconds, (images - lastSpeed.Images) / (seconds - lastSpeed.Seconds)));
        lastSpeed = (images, seconds);
        if (state.Progress.SkippedSteps > 0) points.Add(new(MetricNames.SkippedSteps, k, images, seconds, state.Progress.SkippedSteps));
        Flush();
    }

    private void Evaluate(bool final) => Alone(() => evaluator.Evaluate(Seconds, final));

    // one of several ranks does it, and the others wait
    private void Alone(Action work)
    {
        if (ranks is null) work();
        else ranks.WhileFirst(work);
    }

    private void Flush()
    {
        if (points.Count == 0) return;
        journal.Metrics([.. points]);
        points.Clear();
    }

    private void Checkpoint(string reason)
    {
        var k = state.Progress.Iteration;
        if (lastCheckpoint == k) return;
        NoteSkipped();
        Flush();
        Alone(() =>
        {
            state.Progress = state.Progress with { Seconds = Seconds };
            journal.Checkpoint(new CheckpointRecord(k, state.Progress.ImagesSeen, state.Progress.Seconds, state.Progress.Distance, reason), state.Save);
        });
        lastCheckpoint = k;
    }

    /// <inheritdoc/>
    public void Dispose() => skipped.Dispose();
}
