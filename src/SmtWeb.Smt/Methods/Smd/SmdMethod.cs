using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Teachers;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Smd;

/// <summary>
/// Score-of-Mixture Distillation: all networks start from the teacher, whose weights are part of every checkpoint, so that
/// a run goes on when its teacher is gone or has been trained further.
/// </summary>
internal sealed class SmdMethod : TrainingMethod
{
    private readonly SmdSpec _method;
    private readonly OptimisationSpec _optimisation;
    private readonly FakeScore _fake;
    private readonly Denoiser _teacher;
    private readonly SmdTrainer _trainer;
    private readonly SmdDrawSource _draws;

    internal SmdMethod(TrainingSpec spec, SmdSpec method, RandomStreams random, Teacher? weights)
    {
        (_method, _optimisation) = (method, spec.Optimisation);
        _teacher = NetworkFactory.CreateGenerator(spec, random.Weights);
        try
        {
            weights?.CopyTo(_teacher);
        }
        catch
        {
            _teacher.Dispose();
            throw;
        }
        Generator = NetworkFactory.CreateGenerator(spec, random.Weights);
        _fake = NetworkFactory.CreateFakeScore(spec, random.Weights);
        Generator.CopyFrom(_teacher);
        _fake.Denoiser.CopyFrom(_teacher);
        _trainer = new SmdTrainer(Generator, _fake, _teacher, method, _optimisation);
        _draws = new SmdDrawSource(method, random.Share, random.Host, random.Noise);
    }

    internal override Denoiser Generator { get; }

    internal override IReadOnlyList<(string Prefix, Module Network)> Others => [("", _fake), ("teacher.", _teacher)];

    internal override IReadOnlyList<TrainedPart> Parts => [new("generator", _trainer.θ), new("score", _trainer.ψ)];

    internal override int IterationsPerGeneratorUpdate => _method.ScoreUpdatesPerGeneratorUpdate;

    internal override StepReport Step(long k, Tensor x_real, Tensor? labels)
    {
        var (η_gen, η_score) = RateAt.Iteration(k, _optimisation);
        var (forGenerator, forScore) = (_trainer.IsGeneratorTurn(k) ? _draws.Generator(x_real) : null, _draws.Score(x_real));
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
        if (_method.ScoreObjective == DistillationObjective.ThreeTerms)
        {
            curves.Add(new(MetricNames.FakeDenoisingLoss, score.DenoisingLoss.ToDouble));
            curves.Add(new(MetricNames.RatioLoss, () => score.RealLoss.ToDouble() + score.FakeLoss.ToDouble()));
        }
        else
        {
            curves.Add(new(MetricNames.ScoreLoss, () => score.RealLoss.ToDouble() + score.FakeLoss.ToDouble()));
        }
        curves.Add(new(MetricNames.ScoreRealLoss, score.RealLoss.ToDouble));
        curves.Add(new(MetricNames.ScoreFakeLoss, score.FakeLoss.ToDouble));
        curves.Add(new(MetricNames.ScoreGradient, () => score.GradientNorm.Value));
        curves.Add(new(MetricNames.ScoreRate, () => η_score));
        return StepReport.Of(generator?.GradientNorm, score.GradientNorm, curves);
    }

    public override void Dispose()
    {
        _trainer.Dispose();
        _fake.Dispose();
        Generator.Dispose();
        _teacher.Dispose();
    }
}
