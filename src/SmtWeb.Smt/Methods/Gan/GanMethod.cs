using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Gan;

/// <summary>The GAN baselines: on clean samples, or under noise (Diffusion-GAN).</summary>
internal sealed class GanMethod : TrainingMethod
{
    private readonly int _updates;
    private readonly OptimisationSpec _optimisation;
    private readonly FakeScore _discriminator;
    private readonly GanTrainer _trainer;
    private readonly GanDrawSource _draws;

    internal GanMethod(TrainingSpec spec, int updates, FakeLabels fakeLabels, (int From, int To)? noise, RandomStreams random)
    {
        (_updates, _optimisation) = (updates, spec.Optimisation);
        Generator = NetworkFactory.CreateGenerator(spec, random.Weights);
        _discriminator = NetworkFactory.CreateFakeScore(spec, random.Weights);
        _trainer = new GanTrainer(Generator, _discriminator, updates, _optimisation);
        _draws = new GanDrawSource(fakeLabels, noise, random.Share, random.Host, random.Noise);
    }

    internal override Denoiser Generator { get; }

    internal override IReadOnlyList<(string Prefix, Module Network)> Others => [("", _discriminator)];

    internal override IReadOnlyList<TrainedPart> Parts => [new("generator", _trainer.θ), new("score", _trainer.ψ)];

    internal override int IterationsPerGeneratorUpdate => _updates;

    internal override StepReport Step(long k, Tensor x_real, Tensor? labels)
    {
        var (η_gen, η_disc) = RateAt.Iteration(k, _optimisation);
        var forGenerator = _trainer.IsGeneratorTurn(k) ? _draws.Generator(x_real) : null;
        var (generator, disc) = _trainer.Step(
            x_real,
            labels,
            _draws.Latents(x_real),
            _draws.FakeLabels(labels),
            forGenerator,
            _draws.Discriminator(x_real),
            η_gen,
            η_disc
        );
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
        _trainer.Dispose();
        _discriminator.Dispose();
        Generator.Dispose();
    }
}
