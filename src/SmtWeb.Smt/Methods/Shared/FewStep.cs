using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Sampling;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Shared;

/// <summary>
/// The draws of a generator that is also trained at intermediate noise levels: σ [B], one of <see cref="FewStepSampler.LevelsOf"/>
/// each, and the noise ε that brings a sample there.
/// </summary>
public sealed record FewStepDraws(Tensor σ, Tensor ε);

/// <summary>
/// Few-step generation, the paper's future work (Sec. 6): the generator also learns to go on from its own samples at
/// intermediate noise levels, x = g(sg(g(z)) + σε; σ), under the same divergence.
/// </summary>
public static class FewStep
{
    /// <summary>
    /// Samples from noise <paramref name="z"/>: g(z) where there are no draws, or where a row's level is the largest;
    /// else one step on from the row's own g(z), made noisy again.
    /// </summary>
    public static Tensor Generate(Denoiser generator, Tensor z, Tensor? labels, FewStepDraws? draws)
    {
        if (draws is null)
        {
            return generator.Generate(z, labels);
        }
        Tensor x_t;
        using (torch.no_grad())
        {
            var first = generator.Generate(z, labels);
            var fromNoise = EdmPrecond.Like(draws.σ.Is(Denoiser.SigmaMax), z);
            x_t = torch.where(fromNoise, z.Times(Denoiser.SigmaMax), EdmPrecond.Noisy(first, draws.σ, draws.ε));
        }
        return generator.forward(x_t, draws.σ, null, labels);
    }
}
