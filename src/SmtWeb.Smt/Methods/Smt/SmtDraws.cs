using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Smt;

/// <summary>
/// The random draws of a generator update: noise levels, noise and α of the divergence, and of the GAN term.
/// σ and α are [B], ε has the shape of the samples.
/// </summary>
public sealed record GeneratorDraws(Tensor σ, Tensor ε, Tensor α, Tensor σ_GAN, Tensor ε_GAN, Tensor α_GAN);

/// <summary>
/// The random draws of a score update. One σ and one α are shared by the real and the fake half of a pair; the
/// discriminator has draws of its own. <paramref name="αHost"/> is α again, in host memory: rows of weight 0 are left out.
/// </summary>
public sealed record ScoreDraws(
    Tensor σ,
    Tensor ε_real,
    Tensor ε_fake,
    Tensor α,
    IReadOnlyList<float> αHost,
    Tensor σ_discReal,
    Tensor ε_discReal,
    Tensor σ_discFake,
    Tensor ε_discFake,
    Tensor α_disc
);

/// <summary>What a generator update reports; tensors are read only when a curve wants a point.</summary>
public sealed record GeneratorReport(Tensor DivergenceLoss, Tensor GanLoss, GradientNorm GradientNorm);

/// <summary>
/// What a score update reports: the terms of the score loss, the <paramref name="RealRows"/> real ones first, and the discriminator loss.
/// </summary>
public sealed record ScoreReport(Tensor Losses, long RealRows, Tensor DiscriminatorLoss, GradientNorm GradientNorm)
{
    /// <summary>The α-weighted real terms.</summary>
    public Tensor RealLoss => Losses.narrow(0, 0, RealRows).sum();

    /// <summary>The (1-α)-weighted fake terms.</summary>
    public Tensor FakeLoss => Losses.narrow(0, RealRows, Losses.size(0) - RealRows).sum();
}
