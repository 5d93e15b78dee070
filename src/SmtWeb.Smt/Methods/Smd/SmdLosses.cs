using SmtWeb.Smt.Methods.Smt;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Smd;

/// <summary>
/// The loss functions of score-of-mixture distillation in denoiser form. f_p is the teacher, f_fake the fake score, ℓ the
/// log-density ratio. Where paper and released code differ, the difference is a parameter (docs/paper-vs-code.md).
/// </summary>
public static class SmdLosses
{
    /// <summary>D_ψ(x_t; α) = sigmoid(ℓ + log(α/(1-α))), Eq. (13): 0 at α = 0, 1 at α = 1. [N]</summary>
    public static Tensor MixtureWeight(Tensor ℓ, Tensor α) => (ℓ + SmtLosses.LogOdds(α)).sigmoid();

    /// <summary>f_exp = D f_p + (1-D) f_fake, Eq. (12). [N,…]</summary>
    public static Tensor ExplicitMixture(Tensor D, Tensor f_p, Tensor f_fake)
    {
        var weight = EdmPrecond.Like(D, f_p);
        return weight * f_p + 1d.Minus(weight) * f_fake;
    }

    /// <summary>
    /// The direction of Eq. (15), scaled such that <see cref="SmtLosses.GeneratorLoss"/> gives its batch mean:
    /// D (f_fake - f_p)/α, divided by mean|x - f_p| (w_DMD) or multiplied by the dimension over σ² (Eq. 15 alone).
    /// <paramref name="x"/> is the generated sample.
    /// </summary>
    public static Tensor GeneratorDirection(Tensor x, Tensor f_fake, Tensor f_p, Tensor D, Tensor α, Tensor σ, DistillationWeight weight)
    {
        var w = weight switch
        {
            DistillationWeight.Dmd => SmtLosses.MeanOverSample((x - f_p).abs()).reciprocal(),
            DistillationWeight.None => σ.Power(-2).Times(x.numel() / x.size(0)),
        };
        return ((f_fake - f_p) * EdmPrecond.Like(D * w / α, x)).nan_to_num(0, float.MaxValue, float.MinValue);
    }

    /// <summary>GAN term of the generator: mean softplus(-ℓ - log(α/(1-α))), Eq. (11), or without the shift.</summary>
    public static Tensor GeneratorGanLoss(Tensor ℓ, Tensor α, bool logOdds) =>
        SmtLosses.GeneratorGanLoss(ℓ, α, logOdds ? GanForm.Paper : GanForm.Released);

    /// <summary>
    /// The two terms that train ℓ alone in the released code, as sums over rows divided by <paramref name="batch"/>:
    /// α w‖f_exp - f_p‖² = α (1-D)² w‖f_p - f_fake‖² on real rows (the first <paramref name="real"/>), and
    /// (1-α) w‖f_exp - f_fake‖² = (1-α) D² w‖f_p - f_fake‖² on fake rows. Both denoisers are constants here.
    /// </summary>
    public static (Tensor Real, Tensor Fake) RatioLosses(Tensor D, Tensor f_p, Tensor f_fake, Tensor α, Tensor w, long real, long batch)
    {
        Tensor gap;
        using (torch.no_grad())
        {
            gap = w * SmtLosses.MeanOverSample((f_p - f_fake).Squared());
        }
        var fake = D.size(0) - real;
        var onReal = α.narrow(0, 0, real) * 1d.Minus(D.narrow(0, 0, real)).Squared() * gap.narrow(0, 0, real);
        var onFake = 1d.Minus(α.narrow(0, real, fake)) * D.narrow(0, real, fake).Squared() * gap.narrow(0, real, fake);
        return (onReal.sum().Over(batch), onFake.sum().Over(batch));
    }
}
