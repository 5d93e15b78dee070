using SmtWeb.Smt.Diffusion;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.ScoreOfMixture;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Training;

/// <summary>Score-of-Mixture Training with its denoising warm-up; also the reverse-KL baseline, which is a setting of it.</summary>
internal sealed class SmtMethod : TrainingMethod
{
    private readonly SmtSpec method;
    private readonly OptimisationSpec optimisation;
    private readonly AmortizedScore score;
    private readonly SmtTrainer trainer;
    private readonly SmtDrawSource draws;
    private readonly DenoisingTrainer warmup;

    internal SmtMethod(TrainingSpec spec, SmtSpec method, RandomStreams random)
    {
        (this.method, optimisation) = (method, spec.Optimisation);
        Generator = NetworkFactory.CreateGenerator(spec, random.Weights);
        score = NetworkFactory.CreateScore(spec, random.Weights);
        trainer = new SmtTrainer(Generator, score, method, optimisation);
        draws = new SmtDrawSource(method, random.Share, random.Host, random.Noise);
        warmup = new DenoisingTrainer(Generator, trainer.θ);
    }

    internal override Denoiser Generator { get; }

    internal override IReadOnlyList<(string Prefix, Module Network)> Others => [("", score)];

    internal override IReadOnlyList<TrainedPart> Parts => [new("generator", trainer.θ), new("score", trainer.ψ)];

    internal override int IterationsPerGeneratorUpdate => method.ScoreUpdatesPerGeneratorUpdate;

    internal override StepReport Step(long k, Tensor x_real, Tensor? labels) => k < method.WarmupIterations
        ? Denoise(k, x_real, labels)
        : Alternate(k - method.WarmupIterations, x_real, labels);

    /// <summary>The optimizer forgets the warm-up, and the score network starts from it where asked.</summary>
    internal override void EndWarmup()
    {
        trainer.θ.Restart();
        if (method.ScoreFromWarmup) score.Denoiser.InitialiseFrom(Generator);
    }

    private StepReport Denoise(long k, Tensor x, Tensor? labels)
    {
        var η = RateAt.Iteration(k, method.WarmupIterations, method.WarmupRate, method.WarmupSchedule, method.WarmupRampIterations);
        var (σ, ε) = draws.Warmup(x);
        var (loss, norm) = warmup.Step(x, labels, σ, ε, η);
        // the averages begin after the warm-up
        return new([norm], OfGenerator: null,
        [
            new(MetricNames.WarmupLoss, loss.ToDouble),
            new(MetricNames.GeneratorGradient, () => norm.Value, true),
            new(MetricNames.GeneratorRate, () => η, true),
        ]);
    }

    private StepReport Alternate(long t, Tensor x_real, Tensor? labels)
    {
        var (η_gen, η_score) = RateAt.Iteration(t, optimisation);
        var (forGenerator, forScore) = (trainer.IsGeneratorTurn(t) ? draws.Generator(x_real) : null, draws.Score(x_real));
        var (generator, score) = trainer.Step(
            x_real, labels, draws.Latents(x_real), draws.FakeLabels(labels), forGenerator, forScore, η_gen, η_score, draws.FewSteps(method.GeneratorSteps, x_real));
        var curves = new List<Curve>();
        if (generator is not null)
        {
            curves.Add(new(MetricNames.GeneratorLoss, generator.DivergenceLoss.ToDouble, true));
            if (method.GanGeneratorWeight > 0) curves.Add(new(MetricNames.GeneratorGanLoss, generator.GanLoss.ToDouble, true));
            curves.Add(new(MetricNames.GeneratorGradient, () => generator.GradientNorm.Value, true));
            curves.Add(new(MetricNames.GeneratorRate, () => η_gen, true));
        }
        curves.Add(new(MetricNames.ScoreLoss, () => score.Losses.sum().ToDouble()));
        curves.Add(new(MetricNames.ScoreRealLoss, () => score.RealLoss.ToDouble()));
        curves.Add(new(MetricNames.ScoreFakeLoss, () => score.FakeLoss.ToDouble()));
        if (method.GanScoreWeight > 0) curves.Add(new(MetricNames.DiscriminatorLoss, score.DiscriminatorLoss.ToDouble));
        curves.Add(new(MetricNames.ScoreGradient, () => score.GradientNorm.Value));
        curves.Add(new(MetricNames.ScoreRate, () => η_score));
        return StepReport.Of(generator?.GradientNorm, score.GradientNorm, curves);
    }

    public override void Dispose()
    {
        trainer.Dispose();
        score.Dispose();
        Generator.Dispose();
    }
}
