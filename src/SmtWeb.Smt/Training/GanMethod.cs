using SmtWeb.Smt.Baselines;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Training;

/// <summary>The GAN baselines: on clean samples, or under noise (Diffusion-GAN).</summary>
internal sealed class GanMethod : TrainingMethod
{
    private readonly int updates;
    private readonly OptimisationSpec optimisation;
    private readonly FakeScore discriminator;
    private readonly GanTrainer trainer;
    private readonly GanDrawSource draws;

    internal GanMethod(TrainingSpec spec, int updates, FakeLabels fakeLabels, (int From, int To)? noise, RandomStreams random)
    {
        (this.updates, optimisation) = (updates, spec.Optimisation);
        Generator = NetworkFactory.CreateGenerator(spec, random.Weights);
        discriminator = NetworkFactory.CreateFakeScore(spec, random.Weights);
        trainer = new GanTrainer(Generator, discriminator, updates, optimisation);
        draws = new GanDrawSource(fakeLabels, noise, random.Share, random.Host, random.Noise);
    }

    internal override Denoiser Generator { get; }

    internal override IReadOnlyList<(string Prefix, Module Network)> Others => [("", discriminator)];

    internal override IReadOnlyList<TrainedPart> Parts => [new("generator", trainer.θ), new("score", trainer.ψ)];

    internal override int IterationsPerGeneratorUpdate => updates;

    internal override StepReport Step(long k, Tensor x_real, Tensor? labels)
    {
        var (η_gen, η_disc) = RateAt.Iteration(k, optimisation);
        var forGenerator = trainer.IsGeneratorTurn(k) ? draws.Generator(x_real) : null;
        var (generator, disc) = trainer.Step(
            x_real, labels, draws.Latents(x_real), draws.FakeLabels(labels), forGenerator, draws.Discriminator(x_real), η_gen, η_disc);
        var curves = new List<Curve>();
        if (generator is not null)
        {
            curves.Add(new(MetricNames.GeneratorLoss, generator.Loss.ToDouble, true));
            curves.Add(new(MetricNames.GeneratorGradient, () => generator.GradientNorm.Value, true));
            curves.Add(new(MetricNames.GeneratorRate, () => η_gen, true));
        }
        curves.Add(new(MetricNames.DiscriminatorLoss, disc.Loss.ToDouble));
        curves.Add(new(MetricNames.ScoreGradient, () => disc.GradientNorm.Value));
        curves.Add(new(MetricNames.ScoreRate, () => η_disc));
        return StepReport.Of(generator?.GradientNorm, disc.GradientNorm, curves);
    }

    public override void Dispose()
    {
        trainer.Dispose();
        discriminator.Dispose();
        Generator.Dispose();
    }
}
