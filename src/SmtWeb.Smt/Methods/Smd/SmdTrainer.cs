using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Methods.Smt;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Smd;

/// <summary>What a generator update of distillation reports; tensors are read only when a curve wants a point.</summary>
public sealed record SmdGeneratorReport(Tensor DivergenceLoss, Tensor GanLoss, GradientNorm GradientNorm);

/// <summary>
/// What a score update of distillation reports: the denoising loss of the fakes (0 in the joint form), and the α-weighted
/// real and the (1-α)-weighted fake term of the mixture.
/// </summary>
public sealed record SmdScoreReport(Tensor DenoisingLoss, Tensor RealLoss, Tensor FakeLoss, GradientNorm GradientNorm);

/// <summary>
/// Score-of-Mixture Distillation (Algorithm 2): alternating updates of the one-step generator g_θ and of the fake score
/// with its log-density-ratio head ℓ_ψ, against a frozen teacher. No I/O happens here, and all randomness comes in as draws.
/// </summary>
public sealed partial class SmdTrainer : IDisposable
{
    private readonly SmdSpec _method;

    /// <summary>A trainer of the given networks, which it does not own.</summary>
    public SmdTrainer(Denoiser generator, FakeScore fake, Denoiser teacher, SmdSpec method, OptimisationSpec optimisation)
    {
        (Generator, Fake, Teacher, _method) = (generator, fake, teacher, method);
        (θ, ψ) = (new(generator, optimisation), new(fake, optimisation));
        teacher.RequireGrad(false);
        teacher.eval();
    }

    /// <summary>g_θ.</summary>
    public Denoiser Generator { get; }

    /// <summary>f_fake and ℓ_ψ.</summary>
    public FakeScore Fake { get; }

    /// <summary>f_p, frozen.</summary>
    public Denoiser Teacher { get; }

    /// <summary>What is learned of <see cref="Generator"/>.</summary>
    public OptimizedNetwork θ { get; }

    /// <summary>What is learned of <see cref="Fake"/>.</summary>
    public OptimizedNetwork ψ { get; }

    /// <summary>Whether the generator is updated in iteration <paramref name="k"/> (0-based): every n-th, the first included.</summary>
    public bool IsGeneratorTurn(long k) => k % _method.ScoreUpdatesPerGeneratorUpdate == 0;

    /// <summary>
    /// One iteration of Algorithm 2 on real samples <paramref name="x_real"/> [B,…] and noise <paramref name="z"/>.
    /// The generator is updated where <paramref name="forGenerator"/> is given; the score always learns from the fakes
    /// made before that update, as in the released code.
    /// </summary>
    public (SmdGeneratorReport? Generator, SmdScoreReport Score) Step(
        Tensor x_real,
        Tensor? realLabels,
        Tensor z,
        Tensor? fakeLabels,
        SmdGeneratorDraws? forGenerator,
        SmdScoreDraws forScore,
        double η_gen,
        double η_score,
        FewStepDraws? fewSteps = null
    )
    {
        SmdGeneratorReport? generatorReport = null;
        Tensor x_fake;
        if (forGenerator is not null)
        {
            x_fake = FewStep.Generate(Generator, z, fakeLabels, fewSteps);
            generatorReport = UpdateGenerator(x_fake, fakeLabels, forGenerator, η_gen);
            x_fake = x_fake.detach();
        }
        else
        {
            using var _ = torch.no_grad();
            x_fake = FewStep.Generate(Generator, z, fakeLabels, fewSteps);
        }
        return (generatorReport, UpdateScore(x_real, realLabels, x_fake, fakeLabels, forScore, η_score));
    }

    // "Generator Training: freeze s_fake and ℓ" of Algorithm 2
    private SmdGeneratorReport UpdateGenerator(Tensor x, Tensor? labels, SmdGeneratorDraws draw, double η)
    {
        Fake.RequireGrad(false); // gradients pass through ℓ to x, but not into ψ
        var x_t = EdmPrecond.Noisy(x, draw.σ, draw.ε);
        var (f_fake, ℓ) = FakeAndRatio(x_t, draw.σ, labels, throughEncoder: _method.GanGeneratorWeight > 0);
        Tensor direction;
        using (torch.no_grad())
        {
            var f_p = Teacher.forward(x_t, draw.σ, null, labels);
            var D = SmdLosses.MixtureWeight(ℓ, draw.α);
            direction = SmdLosses.GeneratorDirection(x, f_fake, f_p, D, draw.α, draw.σ, _method.GeneratorWeight);
        }
        var divergence = SmtLosses.GeneratorLoss(x, direction);
        var gan = SmdLosses.GeneratorGanLoss(ℓ, draw.α, _method.GanLogOdds);
        var norm = θ.Descend(_method.GanGeneratorWeight > 0 ? divergence.PlusTimes(gan, _method.GanGeneratorWeight) : divergence, η);
        Fake.RequireGrad(true);
        return new(divergence.detach(), gan.detach(), norm);
    }

    // "Amortized Score Training: freeze g_θ" of Algorithm 2
    private SmdScoreReport UpdateScore(Tensor x_real, Tensor? realLabels, Tensor x_fake, Tensor? fakeLabels, SmdScoreDraws draw, double η)
    {
        var (denoising, real, fake) = _method.ScoreObjective switch
        {
            DistillationObjective.ThreeTerms => ThreeTerms(x_real, realLabels, x_fake, fakeLabels, draw),
            DistillationObjective.Joint => JointRegression(x_real, realLabels, x_fake, fakeLabels, draw),
        };
        return new(denoising.detach(), real.detach(), fake.detach(), ψ.Descend(denoising + real + fake, η));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        θ.Dispose();
        ψ.Dispose();
    }
}
