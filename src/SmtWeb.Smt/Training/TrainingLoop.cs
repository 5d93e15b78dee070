using System.Diagnostics;
using SmtWeb.Smt.Diffusion;
using SmtWeb.Smt.ScoreOfMixture;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Training;

/// <summary>
/// Runs iterations and does everything around them: draws, rates, curves, evaluations, checkpoints, signals. The
/// mathematics is in <see cref="SmtTrainer"/>.
/// </summary>
internal sealed class TrainingLoop
{
    /// <summary>A run that fails this often in a row cannot help itself.</summary>
    private const int MaxSkippedInRow = 3;

    private readonly TrainingState state;
    private readonly ITrainingJournal journal;
    private readonly SmtDrawSource draws;
    private readonly RunEvaluator evaluator;
    private readonly DenoisingTrainer warmup;
    private readonly Stopwatch clock = new();
    private readonly double secondsBefore;
    private readonly List<MetricPoint> points = [];
    private int skippedInRow;
    private long lastCheckpoint = -1;
    private (long Images, double Seconds) lastSpeed;

    internal TrainingLoop(TrainingState state, ITrainingJournal journal)
    {
        (this.state, this.journal) = (state, journal);
        draws = new SmtDrawSource(state.Method, state.Spec.Optimisation.BatchSize, state.Host, state.Noise);
        evaluator = new RunEvaluator(state, journal);
        warmup = new DenoisingTrainer(state.Generator, state.Trainer.GeneratorParameters, state.Trainer.GeneratorOptimizer, state.Spec.Optimisation.GradientClip);
        secondsBefore = state.Progress.Seconds;
        lastSpeed = (state.Progress.ImagesSeen, secondsBefore);
    }

    private double Seconds => secondsBefore + clock.Elapsed.TotalSeconds;

    internal TrainingResult Run()
    {
        clock.Start();
        var evaluation = state.Spec.Evaluation;
        if (state.Progress.Iteration == 0)
        {
            if (!state.IsWarmup) state.EndWarmup();
            evaluator.Evaluate(Seconds, final: false);
        }
        while (state.Progress.Iteration < state.TotalIterations)
        {
            switch (journal.Signal)
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
            var finite = Iterate();
            skippedInRow = finite ? 0 : skippedInRow + 1;
            if (skippedInRow >= MaxSkippedInRow)
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
                evaluator.Evaluate(Seconds, final: last);
                lastSpeed = (state.Progress.ImagesSeen, Seconds); // evaluation time is not training speed
            }
            if (last || k % evaluation.CheckpointEvery == 0) Checkpoint(last ? "finished" : "scheduled");
        }
        Flush();
        return new(TrainingOutcome.Finished, "All iterations done.");
    }

    // one iteration of the warm-up or of Algorithm 1; false when a loss or gradient was not finite
    private bool Iterate()
    {
        using var scope = torch.NewDisposeScope();
        var (method, optimisation) = (state.Method, state.Spec.Optimisation);
        var k = state.Progress.Iteration;
        var (x_real, labels) = state.Data.Next(optimisation.BatchSize);
        var curves = new List<(string Name, Func<double> Value)>();
        bool finite;
        if (state.IsWarmup)
        {
            var η = RateAt.Iteration(k, method.WarmupIterations, method.WarmupRate, method.WarmupSchedule, method.WarmupRampIterations);
            var (σ, ε) = draws.Warmup(x_real);
            var (loss, norm) = warmup.Step(x_real, labels, σ, ε, η);
            finite = double.IsFinite(norm);
            curves.Add((MetricNames.WarmupLoss, loss.ToDouble));
            curves.Add((MetricNames.GeneratorGradient, () => norm));
            curves.Add((MetricNames.GeneratorRate, () => η));
        }
        else
        {
            var t = k - method.WarmupIterations;
            var η_gen = RateAt.Iteration(t, optimisation.Iterations, optimisation.GeneratorRate, optimisation.GeneratorSchedule, optimisation.RampIterations);
            var η_score = RateAt.Iteration(t, optimisation.Iterations, optimisation.ScoreRate, optimisation.ScoreSchedule, optimisation.RampIterations);
            var turn = state.Trainer.IsGeneratorTurn(t);
            var (forGenerator, forScore) = (turn ? draws.Generator(x_real) : null, draws.Score(x_real));
            var (generator, score) = state.Trainer.Step(x_real, labels, draws.Latents(x_real), draws.FakeLabels(labels), forGenerator, forScore, η_gen, η_score);
            finite = double.IsFinite(score.GradientNorm) && (generator is null || double.IsFinite(generator.GradientNorm));
            if (generator is not null)
            {
                if (double.IsFinite(generator.GradientNorm)) state.UpdateAverage();
                curves.Add((MetricNames.GeneratorLoss, generator.DivergenceLoss.ToDouble));
                if (method.GanGeneratorWeight > 0) curves.Add((MetricNames.GeneratorGanLoss, generator.GanLoss.ToDouble));
                curves.Add((MetricNames.GeneratorGradient, () => generator.GradientNorm));
                curves.Add((MetricNames.GeneratorRate, () => η_gen));
            }
            curves.Add((MetricNames.ScoreLoss, () => score.RealLoss.ToDouble() + score.FakeLoss.ToDouble()));
            curves.Add((MetricNames.ScoreRealLoss, score.RealLoss.ToDouble));
            curves.Add((MetricNames.ScoreFakeLoss, score.FakeLoss.ToDouble));
            if (method.GanScoreWeight > 0) curves.Add((MetricNames.DiscriminatorLoss, score.DiscriminatorLoss.ToDouble));
            curves.Add((MetricNames.ScoreGradient, () => score.GradientNorm));
            curves.Add((MetricNames.ScoreRate, () => η_score));
        }
        state.Progress = state.Progress with
        {
            Iteration = k + 1,
            ImagesSeen = state.Progress.ImagesSeen + optimisation.BatchSize,
            SkippedSteps = state.Progress.SkippedSteps + (finite ? 0 : 1),
        };
        if (!finite) journal.Log(LogLevel.Warning, $"Iteration {k + 1} was skipped: its loss or gradient is not finite.");
        if (k + 1 == method.WarmupIterations)
        {
            state.EndWarmup();
            journal.Log(LogLevel.Information, $"Warm-up done after {k + 1} iterations.");
        }
        Record(curves, k + 1, force: !finite);
        return finite;
    }

    // the generator has points of its own: every n-th iteration may never fall on the metric grid
    private void Record(List<(string Name, Func<double> Value)> curves, long k, bool force)
    {
        var every = state.Spec.Evaluation.MetricsEvery;
        var n = state.Method.ScoreUpdatesPerGeneratorUpdate;
        var wanted = force || k % every == 0;
        var wantedGenerator = wanted || (k - 1) % Math.Max(n, every / n * n) == 0;
        var (images, seconds) = (state.Progress.ImagesSeen, Seconds);
        foreach (var (name, value) in curves)
        {
            var isGenerator = name is MetricNames.GeneratorLoss or MetricNames.GeneratorGanLoss or MetricNames.GeneratorGradient or MetricNames.GeneratorRate;
            if (isGenerator ? wantedGenerator : wanted) points.Add(new(name, k, images, seconds, value()));
        }
        if (!wanted) return;
        if (seconds > lastSpeed.Seconds)
            points.Add(new(MetricNames.ImagesPerSecond, k, images, seconds, (images - lastSpeed.Images) / (seconds - lastSpeed.Seconds)));
        lastSpeed = (images, seconds);
        if (state.Progress.SkippedSteps > 0) points.Add(new(MetricNames.SkippedSteps, k, images, seconds, state.Progress.SkippedSteps));
        Flush();
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
        Flush();
        state.Progress = state.Progress with { Seconds = Seconds };
        journal.Checkpoint(new CheckpointRecord(k, state.Progress.ImagesSeen, state.Progress.Seconds, state.Progress.Distance, reason), state.Save);
        lastCheckpoint = k;
    }
}
