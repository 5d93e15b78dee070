using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Diffusion;

/// <summary>Denoising training of a diffusion model, the teacher of distillation.</summary>
internal sealed class DiffusionMethod : TrainingMethod
{
    private readonly DiffusionSpec _method;
    private readonly OptimisationSpec _optimisation;
    private readonly OptimizedNetwork _θ;
    private readonly DenoisingTrainer _trainer;
    private readonly Draws _draws;

    internal DiffusionMethod(TrainingSpec spec, DiffusionSpec method, RandomStreams random)
    {
        (_method, _optimisation) = (method, spec.Optimisation);
        Generator = NetworkFactory.CreateGenerator(spec, random.Weights);
        _θ = new(Generator, _optimisation);
        _trainer = new DenoisingTrainer(Generator, _θ);
        _draws = new Draws(random);
    }

    internal override Denoiser Generator { get; }

    internal override IReadOnlyList<(string Prefix, Module Network)> Others => [];

    internal override IReadOnlyList<TrainedPart> Parts => [new("generator", _θ)];

    internal override StepReport Step(long k, Tensor x_real, Tensor? labels)
    {
        var η = RateAt.Iteration(k, _optimisation).Generator;
        var (σ, ε) = _draws.LogNormal(x_real, _method.LogSigmaMean, _method.LogSigmaDeviation);
        var (loss, norm) = _trainer.Step(x_real, labels, σ, ε, η);
        return new(
            [norm],
            norm,
            [
                new(MetricNames.DenoisingLoss, loss.ToDouble, true),
                new(MetricNames.GeneratorGradient, () => norm.Value, true),
                new(MetricNames.GeneratorRate, () => η, true),
            ]
        );
    }

    public override void Dispose()
    {
        _θ.Dispose();
        Generator.Dispose();
    }

    private sealed class Draws(RandomStreams random) : DrawSource(random.Share, random.Host, random.Noise);
}
