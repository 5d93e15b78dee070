using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Smt;

/// <summary>
/// The loss functions of score-of-mixture training, in the denoiser form of App. C.1. Where paper and released code
/// differ, the difference is a parameter (docs/paper-vs-code.md).
/// </summary>
public static class SmtLosses
{
    /// <summary>Inside the mean of (f_0 - f_1)² of the released code; the paper has none.</summary>
    private const double ReleasedEpsilon = 1e-6;

    /// <summary>
    /// The adaptively weighted direction of Eq. (9): w · (f_0 - f_α)/α up to the factor σ²/α that cancels against
    /// w_α and w_DMD, per sample. All arguments [N,…]; <paramref name="x"/> is the generated sample.
    /// 0/0 becomes 0 and x/0 the largest float, as in the released code.
    /// </summary>
    public static Tensor GeneratorDirection(Tensor x, Tensor f_0, Tensor f_α, Tensor f_1, AdaptiveWeight weight)
    {
        var w_DMD = MeanOverSample((x - f_1).abs()).reciprocal();
        var difference = f_0 - f_α;
        Tensor w;
        if (weight == AdaptiveWeight.AlphaAndDmd)
        {
            // w_α/α = √(‖f_0 - f_1‖² / ‖f_0 - f_α‖²)
            var w_α = (MeanOverSample(difference.Squared()) / MeanOverSample((f_0 - f_1).Squared().Plus(ReleasedEpsilon)))
                .sqrt()
                .reciprocal();
            w = w_DMD * w_α;
        }
        else
        {
            w = w_DMD;
        }
        return (difference * EdmPrecond.Like(w, x)).nan_to_num(0, float.MaxValue, float.MinValue);
    }

    /// <summary>
    /// A scalar whose gradient with respect to <paramref name="x"/> is <paramref name="direction"/>/(N·D):
    /// ½ mean (x - stopgrad(x - direction))².
    /// </summary>
    public static Tensor GeneratorLoss(Tensor x, Tensor direction)
    {
        var difference = x - (x - direction).detach();
        // not pow(2), whose gradient 2·d overflows where the direction is the largest float
        return (difference * difference).mean().Times(0.5);
    }

    /// <summary>w(σ) = 1/σ² + 1/σ_data² = (σ² + σ_data²)/(σ·σ_data)², EDM's weight of a denoising error. [N]</summary>
    public static Tensor DenoisingWeight(Tensor σ, double σ_data) => σ.Power(-2).Plus(1 / (σ_data * σ_data));

    /// <summary>
    /// Mixture score matching, Eq. (8) in denoiser form: w(σ)·share·mean (f - x)² per row, summed and divided by
    /// <paramref name="batch"/>. <paramref name="share"/> is α for real rows and 1-α for fake ones; rows whose share
    /// is 0 need not be there.
    /// </summary>
    public static Tensor ScoreLoss(Tensor prediction, Tensor target, Tensor share, Tensor weight, long batch) =>
        ScoreLosses(prediction, target, share, weight, batch).sum();

    /// <summary>The terms of <see cref="ScoreLoss"/>, one a row. [N]</summary>
    public static Tensor ScoreLosses(Tensor prediction, Tensor target, Tensor share, Tensor weight, long batch) =>
        Fused.row_errors(prediction, target, (weight * share).Over(batch));

    /// <summary>
    /// Non-saturating generator GAN loss: mean softplus(-ℓ - shift), shift = log(α/(1-α)) in the paper's Eq. (11),
    /// none in the released code. [N] → scalar
    /// </summary>
    public static Tensor GeneratorGanLoss(Tensor ℓ_fake, Tensor α, GanForm form) =>
        (form == GanForm.Paper ? -(ℓ_fake + LogOdds(α)) : -ℓ_fake).SoftPlus().mean();

    /// <summary>
    /// Discriminator loss of App. D.2: mean α·softplus(-(ℓ_real + shift)) + mean (1-α)·softplus(ℓ_fake + shift).
    /// A term whose weight is 0 counts as 0 even where its shift is infinite.
    /// </summary>
    public static Tensor DiscriminatorLoss(Tensor ℓ_real, Tensor ℓ_fake, Tensor α, GanForm form)
    {
        if (form == GanForm.Released)
        {
            return (α * (-ℓ_real).SoftPlus()).mean() + (1d.Minus(α) * ℓ_fake.SoftPlus()).mean();
        }
        // the infinite shifts are replaced where the weight is 0, so that neither value nor gradient is 0·∞
        var shift = LogOdds(α);
        var forReal = shift.With(0, α.Is(0));
        var forFake = shift.With(0, α.Is(1));
        return (α * (-(ℓ_real + forReal)).SoftPlus()).mean() + (1d.Minus(α) * (ℓ_fake + forFake).SoftPlus()).mean();
    }

    /// <summary>log(α/(1-α)); -∞ at 0, +∞ at 1.</summary>
    public static Tensor LogOdds(Tensor α) => (α / 1d.Minus(α)).log();

    /// <summary>Mean over all dimensions but the first. [N,…] → [N]</summary>
    public static Tensor MeanOverSample(Tensor x)
    {
        var dims = new long[x.dim() - 1];
        for (var k = 0; k < dims.Length; k++)
        {
            dims[k] = k + 1;
        }
        return x.mean(dims);
    }
}
