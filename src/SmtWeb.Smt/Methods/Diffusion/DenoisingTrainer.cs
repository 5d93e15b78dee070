using SmtWeb.Smt.Methods.Smt;
using SmtWeb.Smt.Networks;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Diffusion;

/// <summary>
/// Denoising training with EDM's weights (Karras et al. 2022, Eq. 2): of a diffusion model, and the warm-up of a generator
/// (Sec. 3.5). <paramref name="θ"/> is what is learned of <paramref name="denoiser"/>; it owns neither.
/// </summary>
public sealed class DenoisingTrainer(Denoiser denoiser, OptimizedNetwork θ)
{
    /// <summary>
    /// Elementwise w(σ)(D(x + σε; σ) - x)², with w = (σ² + σ_data²)/(σ σ_data)².
    /// </summary>
    public static Tensor Loss(Denoiser denoiser, Tensor x, Tensor? labels, Tensor σ, Tensor ε)
    {
        var weight = EdmPrecond.Like(SmtLosses.DenoisingWeight(σ, denoiser.SigmaData), x);
        return weight * (denoiser.forward(EdmPrecond.Noisy(x, σ, ε), σ, null, labels) - x).Squared();
    }

    /// <summary>One update on samples <paramref name="x"/> [B,…]; returns the mean loss and the gradient norm.</summary>
    public (Tensor Loss, GradientNorm GradientNorm) Step(Tensor x, Tensor? labels, Tensor σ, Tensor ε, double η)
    {
        var loss = Loss(denoiser, x, labels, σ, ε).mean();
        return (loss.detach(), θ.Descend(loss, η));
    }
}
