using SmtWeb.Smt.Methods.Diffusion;
using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Smt;

/// <summary>Score-of-Mixture Training with its denoising warm-up; also the reverse-KL baseline, which is a setting of it.</summary>
internal sealed class SmtMethod : TrainingMethod
{
    private readonly SmtSpec _method;
    private readonly OptimisationSpec _optimisation;
    private readonly AmortizedScore _score;
    private readonly SmtTrainer _trainer;
    private readonly SmtDrawSource _draws;
    private readonly DenoisingTrainer _warmup;

    internal SmtMethod(TrainingSpec spec, SmtSpec method, RandomStreams random)
    {
        (_method, _optimisation) = (method, spec.Optimisation);
        Generator = NetworkFactory.CreateGenerator(spec, random.Weights);
        _score = NetworkFactory.CreateScore(spec, random.Weights);
        _trainer = new SmtTrainer(Generator, _score, method, _optimisation);
        _draws = new SmtDrawSource(method, random.Share, random.Host, random.Noise);
        _warmup = new DenoisingTrainer(Generator, _trainer.θ);
    }

    internal override Denoiser Generator { get; }

    internal override IReadOnlyList<(string Prefix, Module Network)> Others => [("", _score)];

    internal override IReadOnlyList<TrainedPart> Parts => [new("generator", _trainer.θ), new("score", _trainer.ψ)];

    internal override int IterationsPerGeneratorUpdate => _method.ScoreUpdatesPerGeneratorUpdate;

    internal override StepReport Step(long k, Tensor x_real, Tensor? labels) =>
        k < _method.WarmupIterations ? Denoise(k, x_real, labels) : Alternate(k - _method.WarmupIterations, x_real, labels);

    /// <summary>The optimizer forgets the warm-up, and the score network starts from it where asked.</summary>
    internal override void EndWarmup()
    {
        _trainer.θ.Restart();
        if (_method.ScoreFromWarmup)
        {
            _score.Denoiser.InitialiseFrom(Generator);
        }
    }

    private StepReport Denoise(long k, Tensor x, Tensor? labels)
    {
        var η = RateAt.Iteration(k, _method.WarmupIterations, _method.WarmupRate, _method.WarmupSchedule, _method.WarmupRampIterations);
        var (σ, ε) = _draws.Warmup(x);
        var (loss, norm) = _warmup.Step(x, labels, σ, ε, η);
        // the averages begin after the warm-up
        return new(
            [norm],
            OfGenerator: null,
            [
                new(MetricNames.WarmupLoss, loss.ToDouble),
                new(MetricNames.GeneratorGradient, () => norm.Value, true),
                new(MetricNames.GeneratorRate, () => η, true),
            ]
        );
    }

    private StepReport Alternate(long t, Tensor x_real, Tensor? labels)
    {
        var (η_gen, η_score) = RateAt.Iteration(t, _optimisation);
        var (forGenerator, forScore) = (_trainer.IsGeneratorTurn(t) ? _draws.Generator(x_real) : null, _draws.Score(x_real));
        var (generator, score) = _trainer.Step(
            x_real,
            labels,
            _draws.Latents(x_real),
            _draws.FakeLabels(labels),
            forGenerator,
            forScore,
            η_gen,
            η_score,
            _draws.FewSteps(_method.GeneratorSteps, x_real)
        );
        var curves = new List<Curve>();
        if (generator is not null)
        {
            curves.Add(new(MetricNames.GeneratorLoss, generator.DivergenceLoss.ToDouble, true));
            if (_method.GanGeneratorWeight > 0)
            {
                curves.Add(new(MetricNames.GeneratorGanLoss, generator.GanLoss.ToDouble, true));
            }
            curves.Add(new(MetricNames.GeneratorGradient, () => generator.GradientNorm.Value, true));
            curves.Add(new(MetricNames.GeneratorRate, () => η_gen, true));
        }
        curves.Add(new(MetricNames.ScoreLoss, () => score.Losses.sum().ToDouble()));
        curves.Add(new(MetricNames.ScoreRealLoss, () => score.RealLoss.ToDouble()));
        curves.Add(new(MetricNames.ScoreFakeLoss, () => score.FakeLoss.ToDouble()));
        if (_method.GanScoreWeight > 0)
        {
            curves.Add(new(MetricNames.DiscriminatorLoss, score.DiscriminatorLoss.ToDouble));
        }
        curves.Add(new(MetricNames.ScoreGradient, () => score.GradientNorm.Value));
        curves.Add(new(MetricNames.ScoreRate, () => η_score));
        return StepReport.Of(generator?.GradientNorm, score.GradientNorm, curves);
    }

    public override void Dispose()
    {
        _trainer.Dispose();
        _score.Dispose();
        Generator.Dispose();
    }
}
