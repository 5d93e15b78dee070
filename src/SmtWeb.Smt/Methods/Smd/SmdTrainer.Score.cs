using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Methods.Smt;
using SmtWeb.Smt.Networks;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Methods.Smd;

// The losses of the score update, and the passes through the networks that they take.
public sealed partial class SmdTrainer
{
    // the released objective: denoising of the fakes, and the two terms of ℓ
    private (Tensor Denoising, Tensor Real, Tensor Fake) ThreeTerms(
        Tensor x_real,
        Tensor? realLabels,
        Tensor x_fake,
        Tensor? fakeLabels,
        SmdScoreDraws draw
    )
    {
        var B = x_real.size(0);
        var f = Fake.Denoise(EdmPrecond.Noisy(x_fake, draw.σ_fake, draw.ε_fake), draw.σ_fake, fakeLabels);
        var denoising = SmtLosses.ScoreLoss(
            f,
            x_fake,
            torch.ones([B], device: x_fake.device),
            SmtLosses.DenoisingWeight(draw.σ_fake, Fake.Denoiser.SigmaData),
            B
        );
        if (!_method.DropRepeatedPasses)
        {
            var (real, fake) = ReleasedRatioLosses(x_real, realLabels, x_fake, fakeLabels, draw);
            return (denoising, real, fake);
        }

        using var rows = new WeightedRows(draw.αHost, x_real.device);
        var (x_t, σ, α, labels) = Pairs(rows, rows.Join(x_real, x_fake), realLabels, fakeLabels, draw);
        var (f_fake, ℓ) = FakeAndRatio(x_t, σ, labels, _method.EncoderLearnsRatio);
        Tensor f_p;
        using (torch.no_grad())
        {
            f_p = Teacher.forward(x_t, σ, null, labels);
        }
        var w = SmtLosses.DenoisingWeight(σ, Fake.Denoiser.SigmaData);
        var (onReal, onFake) = SmdLosses.RatioLosses(SmdLosses.MixtureWeight(ℓ, α), f_p, f_fake, α, w, rows.Real, B);
        return (denoising, onReal, onFake);
    }

    // Eq. (14) in denoiser form, with w(σ) as everywhere: f_exp against clean samples trains f_fake and ℓ at once
    private (Tensor Denoising, Tensor Real, Tensor Fake) JointRegression(
        Tensor x_real,
        Tensor? realLabels,
        Tensor x_fake,
        Tensor? fakeLabels,
        SmdScoreDraws draw
    )
    {
        var B = x_real.size(0);
        using var rows = new WeightedRows(draw.αHost, x_real.device);
        var x = rows.Join(x_real, x_fake);
        var (x_t, σ, α, labels) = Pairs(rows, x, realLabels, fakeLabels, draw);
        var (f_fake, bottleneck) = Fake.Denoiser.ForwardWithBottleneck(x_t, σ, null, labels, decoderLearns: true);
        var ℓ = Fake.Head(_method.EncoderLearnsRatio ? bottleneck : bottleneck.detach());
        Tensor f_p;
        using (torch.no_grad())
        {
            f_p = Teacher.forward(x_t, σ, null, labels);
        }
        var f_exp = SmdLosses.ExplicitMixture(SmdLosses.MixtureWeight(ℓ, α), f_p, f_fake);
        var w = SmtLosses.DenoisingWeight(σ, Fake.Denoiser.SigmaData);
        var (real, fake) = (rows.Real, x.size(0) - rows.Real);
        return (
            torch.zeros([], device: x.device),
            SmtLosses.ScoreLoss(f_exp.narrow(0, 0, real), x.narrow(0, 0, real), α.narrow(0, 0, real), w.narrow(0, 0, real), B),
            SmtLosses.ScoreLoss(
                f_exp.narrow(0, real, fake),
                x.narrow(0, real, fake),
                1d.Minus(α.narrow(0, real, fake)),
                w.narrow(0, real, fake),
                B
            )
        );
    }

    private static (Tensor x_t, Tensor σ, Tensor α, Tensor? Labels) Pairs(
        WeightedRows rows,
        Tensor x,
        Tensor? realLabels,
        Tensor? fakeLabels,
        SmdScoreDraws draw
    )
    {
        var (σ, α, ε) = (rows.Join(draw.σ), rows.Join(draw.α), rows.Join(draw.ε_pairReal, draw.ε_pairFake));
        return (EdmPrecond.Noisy(x, σ, ε), σ, α, realLabels is null ? null : rows.Join(realLabels, fakeLabels!));
    }

    // f_fake as a constant, and ℓ: one pass of the encoder, or two as in the released step
    private (Tensor f_fake, Tensor ℓ) FakeAndRatio(Tensor x_t, Tensor σ, Tensor? labels, bool throughEncoder)
    {
        if (!throughEncoder)
        {
            Tensor f,
                bottleneck;
            using (torch.no_grad())
            {
                (f, bottleneck) = Fake.Denoiser.ForwardWithBottleneck(x_t, σ, null, labels, decoderLearns: false);
            }
            return (f, Fake.Head(bottleneck));
        }
        if (_method.DropRepeatedPasses)
        {
            return Fake.DenoiseWithRatio(x_t, σ, labels, decoderLearns: false);
        }
        Tensor f_fake;
        using (torch.no_grad())
        {
            f_fake = Fake.Denoise(x_t, σ, labels);
        }
        return (f_fake, Fake.LogDensityRatio(x_t, σ, labels));
    }

    // The passes of the released step: each half for itself and for every row, f_exp by its own calls of both denoisers,
    // and its target by one more.
    private (Tensor Real, Tensor Fake) ReleasedRatioLosses(
        Tensor x_real,
        Tensor? realLabels,
        Tensor x_fake,
        Tensor? fakeLabels,
        SmdScoreDraws draw
    )
    {
        var w = SmtLosses.DenoisingWeight(draw.σ, Fake.Denoiser.SigmaData);
        return (
            Half(x_real, draw.ε_pairReal, realLabels, draw.α, (x_t, labels) => Teacher.forward(x_t, draw.σ, null, labels)),
            Half(x_fake, draw.ε_pairFake, fakeLabels, 1d.Minus(draw.α), (x_t, labels) => Fake.Denoise(x_t, draw.σ, labels))
        );

        Tensor Half(Tensor x, Tensor ε, Tensor? labels, Tensor share, Func<Tensor, Tensor?, Tensor> target)
        {
            var x_t = EdmPrecond.Noisy(x, draw.σ, ε);
            var (f_fake, ℓ) = FakeAndRatio(x_t, draw.σ, labels, _method.EncoderLearnsRatio);
            Tensor f_p,
                f_target;
            using (torch.no_grad())
            {
                (f_p, f_target) = (Teacher.forward(x_t, draw.σ, null, labels), target(x_t, labels));
            }
            var f_exp = SmdLosses.ExplicitMixture(SmdLosses.MixtureWeight(ℓ, draw.α), f_p, f_fake);
            return SmtLosses.ScoreLoss(f_exp, f_target, share, w, x.size(0));
        }
    }
}
