using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Smt;

/// <summary>
/// Score-of-Mixture Training (Algorithm 1): alternating updates of the one-step generator g_θ and of the amortized
/// denoiser f_ψ with its discriminator head ℓ_ψ. No I/O happens here, and all randomness comes in as draws.
/// </summary>
public sealed class SmtTrainer : IDisposable
{
    private readonly SmtSpec _method;

    /// <summary>A trainer of the given networks, which it does not own.</summary>
    public SmtTrainer(Denoiser generator, AmortizedScore score, SmtSpec method, OptimisationSpec optimisation)
    {
        (Generator, Score, _method) = (generator, score, method);
        (θ, ψ) = (new(generator, optimisation), new(score, optimisation));
    }

    /// <summary>g_θ.</summary>
    public Denoiser Generator { get; }

    /// <summary>f_ψ and ℓ_ψ.</summary>
    public AmortizedScore Score { get; }

    /// <summary>What is learned of <see cref="Generator"/>.</summary>
    public OptimizedNetwork θ { get; }

    /// <summary>What is learned of <see cref="Score"/>.</summary>
    public OptimizedNetwork ψ { get; }

    /// <summary>Whether the generator is updated in iteration <paramref name="k"/> (0-based): every n-th, the first included.</summary>
    public bool IsGeneratorTurn(long k) => k % _method.ScoreUpdatesPerGeneratorUpdate == 0;

    /// <summary>
    /// One iteration of Algorithm 1 on real samples <paramref name="x_real"/> [B,…] and noise <paramref name="z"/>.
    /// The generator is updated where <paramref name="forGenerator"/> is given; the score network always learns from
    /// the fakes made before that update, as in the released code. <paramref name="fewSteps"/> also trains the generator
    /// at intermediate noise levels.
    /// </summary>
    public (GeneratorReport? Generator, ScoreReport Score) Step(
        Tensor x_real,
        Tensor? realLabels,
        Tensor z,
        Tensor? fakeLabels,
        GeneratorDraws? forGenerator,
        ScoreDraws forScore,
        double η_gen,
        double η_score,
        FewStepDraws? fewSteps = null
    )
    {
        GeneratorReport? generatorReport = null;
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

    // "Generator Training: freeze s_ψ" of Algorithm 1
    private GeneratorReport UpdateGenerator(Tensor x, Tensor? labels, GeneratorDraws draw, double η)
    {
        Tensor direction;
        using (torch.no_grad())
        {
            var (f_0, f_α, f_1) = DenoiseAtThreeAlphas(EdmPrecond.Noisy(x, draw.σ, draw.ε), draw.σ, draw.α, labels);
            direction = SmtLosses.GeneratorDirection(x, f_0, f_α, f_1, _method.AdaptiveWeight);
        }
        var divergence = SmtLosses.GeneratorLoss(x, direction);
        var gan = torch.zeros([], device: x.device);
        var loss = divergence;
        if (_method.GanGeneratorWeight > 0)
        {
            // gradients pass through the score network to x but not into its weights
            Score.RequireGrad(false);
            var ℓ = Score.LogDensityRatio(EdmPrecond.Noisy(x, draw.σ_GAN, draw.ε_GAN), draw.σ_GAN, labels);
            gan = SmtLosses.GeneratorGanLoss(ℓ, draw.α_GAN, _method.GanForm);
            loss = divergence.PlusTimes(gan, _method.GanGeneratorWeight);
        }
        var norm = θ.Descend(loss, η);
        Score.RequireGrad(true);
        return new GeneratorReport(divergence.detach(), gan.detach(), norm);
    }

    // "Amortized Score Training: freeze g_θ" of Algorithm 1
    private ScoreReport UpdateScore(Tensor x_real, Tensor? realLabels, Tensor x_fake, Tensor? fakeLabels, ScoreDraws draw, double η)
    {
        var B = x_real.size(0);
        // α = 0 gives a real row, α = 1 a fake row, no weight: such rows are not computed
        using var rows = new WeightedRows(draw.αHost, x_real.device);
        var x = rows.Join(x_real, x_fake);
        var (σ, α, ε) = (rows.Join(draw.σ), rows.Join(draw.α), rows.Join(draw.ε_real, draw.ε_fake));
        var share = rows.Join(draw.α, 1d.Minus(draw.α));
        var labels = realLabels is null ? null : rows.Join(realLabels, fakeLabels!);

        var f = Score.Denoise(EdmPrecond.Noisy(x, σ, ε), σ, α, labels);
        var w = SmtLosses.DenoisingWeight(σ, Score.Denoiser.SigmaData);
        var losses = SmtLosses.ScoreLosses(f, x, share, w, B);
        var loss = losses.sum();

        var discriminator = torch.zeros([], device: x.device);
        if (_method.GanScoreWeight > 0)
        {
            var σ_disc = torch.cat([draw.σ_discReal, draw.σ_discFake]);
            var x_disc = torch.cat([x_real, x_fake]);
            var ℓ = Score.LogDensityRatio(
                EdmPrecond.Noisy(x_disc, σ_disc, torch.cat([draw.ε_discReal, draw.ε_discFake])),
                σ_disc,
                realLabels is null ? null : torch.cat([realLabels, fakeLabels!])
            );
            discriminator = SmtLosses.DiscriminatorLoss(Top(ℓ, B), Bottom(ℓ, B), draw.α_disc, _method.GanForm);
            loss = loss.PlusTimes(discriminator, _method.GanScoreWeight);
        }
        return new ScoreReport(losses.detach(), rows.Real, discriminator.detach(), ψ.Descend(loss, η));
    }

    // one batched call for α = 0, α and 1, of which the last two may be one
    private (Tensor F_0, Tensor F_α, Tensor F_1) DenoiseAtThreeAlphas(Tensor x_t, Tensor σ, Tensor α, Tensor? labels)
    {
        if (_method.GeneratorAlpha == AlphaSampler.One)
        {
            var two = Score
                .Denoise(
                    torch.cat([x_t, x_t]),
                    torch.cat([σ, σ]),
                    torch.cat([torch.zeros(α.shape, device: α.device), α]),
                    labels is null ? null : torch.cat([labels, labels])
                )
                .chunk(2);
            return (two[0], two[1], two[1]);
        }
        var three = Score.Denoise(
            torch.cat([x_t, x_t, x_t]),
            torch.cat([σ, σ, σ]),
            torch.cat([torch.zeros(α.shape, device: α.device), α, torch.ones(α.shape, device: α.device)]),
            labels is null ? null : torch.cat([labels, labels, labels])
        );
        var parts = three.chunk(3);
        return (parts[0], parts[1], parts[2]);
    }

    private static Tensor Top(Tensor x, long n) => x.narrow(0, 0, n);

    private static Tensor Bottom(Tensor x, long n) => x.narrow(0, n, x.size(0) - n);

    /// <inheritdoc/>
    public void Dispose()
    {
        θ.Dispose();
        ψ.Dispose();
    }
}
