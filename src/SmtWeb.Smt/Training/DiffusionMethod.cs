using SmtWeb.Smt.Diffusion;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.ScoreOfMixture;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Training;

/// <summary>Denoising training of a diffusion model, the teacher of distillation.</summary>
internal sealed class DiffusionMethod : TrainingMethod
{
    private readonly DiffusionSpec method;
    private readonly OptimisationSpec optimisation;
    private readonly OptimizedNetwork θ;
    private readonly DenoisingTrainer trainer;
    private readonly Draws draws;

    internal DiffusionMethod(TrainingSpec spec, DiffusionSpec method, RandomStreams random)
    {
        (this.method, optimisation) = (method, spec.Optimisation);
        Generator = NetworkFactory.CreateGenerator(spec, random.Weights);
        θ = new(Generator, optimisation);
        trainer = new DenoisingTrainer(Generator, θ);
        draws = new Draws(random);
    }

    internal override Denoiser Generator { get; }

    internal override IReadOnlyList<(string Prefix, Module Network)> Others => [];

    internal override IReadOnlyList<TrainedPart> Parts => [new("generator", θ)];

    internal override StepReport Step(long k, Tensor x_real, Tensor? labels)
    {
        var η = RateAt.Iteration(k, optimisation).Generator;
        var (σ, ε) = draws.LogNormal(x_real, method.LogSigmaMean, method.LogSigmaDeviation);
        var (loss, norm) = trainer.Step(x_real, labels, σ, ε, η);
        return new([norm], norm,
        [
            new(MetricNames.DenoisingLoss, loss.ToDouble, true),
            new(MetricNames.GeneratorGradient, () => norm.Value, true),
            new(MetricNames.GeneratorRate, () => η, true),
        ]);
    }

    public override void Dispose()
    {
        θ.Dispose();
        Generator.Dispose();
    }

    private sealed class Draws(RandomStreams random) : DrawSource(random.Share, random.Host, random.Noise);
}
