using SmtWeb.Smt.Networks;
using SmtWeb.Smt.ScoreOfMixture;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Training;

/// <summary>
/// Score-of-Mixture Distillation: all networks start from the teacher, whose weights are part of every checkpoint, so that
/// a run goes on when its teacher is gone or has been trained further.
/// </summary>
internal sealed class SmdMethod : TrainingMethod
{
    private readonly SmdSpec method;
    private readonly OptimisationSpec optimisation;
    private readonly FakeScore fake;
    private readonly Denoiser teacher;
    private readonly SmdTrainer trainer;
    private readonly SmdDrawSource draws;

    internal SmdMethod(TrainingSpec spec, SmdSpec method, RandomStreams random, Teacher? weights)
    {
        (this.method, optimisation) = (method, spec.Optimisation);
        teacher = NetworkFactory.CreateGenerator(spec, random.Weights);
        try
        {
            weights?.CopyTo(teacher);
        }
        catch
        {
            teacher.Dispose();
            throw;
        }
        Generator = NetworkFactory.CreateGenerator(spec, random.Weights);
        fake = NetworkFactory.CreateFakeScore(spec, random.Weights);
        Generator.CopyFrom(teacher);
        fake.Denoiser.CopyFrom(teacher);
        trainer = new SmdTrainer(Generator, fake, teacher, method, optimisation);
        draws = new SmdDrawSource(method, random.Share, random.Host, random.Noise);
    }

    internal override Denoiser Generator { get; }

    internal override IReadOnlyList<(string Prefix, Module Network)> Others => [("", fake), ("teacher.", teacher)];

    internal override IReadOnlyList<TrainedPart> Parts => [new("generator", trainer.θ), new("score", trainer.ψ)];

    internal override int IterationsPerGeneratorUpdate => method.ScoreUpdatesPerGeneratorUpdate;

    internal override StepReport Step(long k, Tensor x_real, Tensor? labels)
    {
        var (η_gen, η_score) = RateAt.Iteration(k, optimisation);
        var (forGenerator, forScore) = (trainer.IsGeneratorTurn(k) ? draws.Generator(x_real) : null, draws.Score(x_real));
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
        if (method.ScoreObjective == DistillationObjective.ThreeTerms)
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
        trainer.Dispose();
        fake.Dispose();
        Generator.Dispose();
        teacher.Dispose();
    }
}
