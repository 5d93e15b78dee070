using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Gan;

/// <summary>
/// The noise that a discriminator sees samples under: σ [B] of the pair, and the noise of its real and its fake half.
/// Without noise, σ is <see cref="GanTrainer.Clean"/>.
/// </summary>
public sealed record GanDraws(Tensor σ, Tensor? ε_real, Tensor? ε_fake);

/// <summary>What a generator or discriminator update reports.</summary>
public sealed record GanReport(Tensor Loss, GradientNorm GradientNorm);

/// <summary>
/// The non-saturating GAN of App. D and, with noise, Diffusion-GAN (Wang et al. 2023): the discriminator ℓ ≈ log p/q is the
/// encoder of a score network with the discriminator head, told the noise level. No I/O happens here, and all randomness
/// comes in as draws.
/// </summary>
public sealed class GanTrainer : IDisposable
{
    /// <summary>The noise level that stands for clean samples: the smallest of the Karras grid.</summary>
    public const double Clean = 0.002;

    private readonly int _updatesPerGeneratorUpdate;

    /// <summary>A trainer of the given networks, which it does not own.</summary>
    public GanTrainer(Denoiser generator, FakeScore discriminator, int updatesPerGeneratorUpdate, OptimisationSpec optimisation)
    {
        (Generator, Discriminator, _updatesPerGeneratorUpdate) = (generator, discriminator, updatesPerGeneratorUpdate);
        (θ, ψ) = (new(generator, optimisation), new(discriminator, optimisation));
    }

    /// <summary>g_θ.</summary>
    public Denoiser Generator { get; }

    /// <summary>ℓ_ψ; the decoder of its network is never run.</summary>
    public FakeScore Discriminator { get; }

    /// <summary>What is learned of <see cref="Generator"/>.</summary>
    public OptimizedNetwork θ { get; }

    /// <summary>What is learned of <see cref="Discriminator"/>.</summary>
    public OptimizedNetwork ψ { get; }

    /// <summary>Whether the generator is updated in iteration <paramref name="k"/> (0-based): every n-th, the first included.</summary>
    public bool IsGeneratorTurn(long k) => k % _updatesPerGeneratorUpdate == 0;

    /// <summary>
    /// One iteration on real samples <paramref name="x_real"/> [B,…] and noise <paramref name="z"/>. The generator is updated
    /// where <paramref name="forGenerator"/> is given; the discriminator learns from the fakes made before that update.
    /// </summary>
    public (GanReport? Generator, GanReport Discriminator) Step(
        Tensor x_real,
        Tensor? realLabels,
        Tensor z,
        Tensor? fakeLabels,
        GanDraws? forGenerator,
        GanDraws forDiscriminator,
        double η_gen,
        double η_disc
    )
    {
        GanReport? report = null;
        Tensor x_fake;
        if (forGenerator is not null)
        {
            x_fake = Generator.Generate(z, fakeLabels);
            // min_θ E_q[sp(-ℓ)]; gradients pass through ℓ to x, but not into ψ
            Discriminator.RequireGrad(false);
            var loss = (-Discriminator.LogDensityRatio(Noisy(x_fake, forGenerator.σ, forGenerator.ε_fake), forGenerator.σ, fakeLabels))
                .SoftPlus()
                .mean();
            report = new(loss.detach(), θ.Descend(loss, η_gen));
            Discriminator.RequireGrad(true);
            x_fake = x_fake.detach();
        }
        else
        {
            using var _ = torch.no_grad();
            x_fake = Generator.Generate(z, fakeLabels);
        }

        // min_ψ E_p[sp(-ℓ)] + E_q[sp(ℓ)]
        var B = x_real.size(0);
        var x_t = torch.cat([
            Noisy(x_real, forDiscriminator.σ, forDiscriminator.ε_real),
            Noisy(x_fake, forDiscriminator.σ, forDiscriminator.ε_fake),
        ]);
        var ℓ = Discriminator.LogDensityRatio(
            x_t,
            torch.cat([forDiscriminator.σ, forDiscriminator.σ]),
            realLabels is null ? null : torch.cat([realLabels, fakeLabels!])
        );
        var discriminator = (-ℓ.narrow(0, 0, B)).SoftPlus().mean() + ℓ.narrow(0, B, B).SoftPlus().mean();
        return (report, new(discriminator.detach(), ψ.Descend(discriminator, η_disc)));
    }

    private static Tensor Noisy(Tensor x, Tensor σ, Tensor? ε) => ε is null ? x : EdmPrecond.Noisy(x, σ, ε);

    /// <inheritdoc/>
    public void Dispose()
    {
        θ.Dispose();
        ψ.Dispose();
    }
}
