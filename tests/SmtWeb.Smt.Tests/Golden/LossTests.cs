using SmtWeb.Smt.Methods.Diffusion;
using SmtWeb.Smt.Methods.Smt;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>The losses of score-of-mixture training against numbers of the reference code.</summary>
[Trait("Category", "Golden")]
public sealed class LossTests : TensorTest
{
    public static TheoryData<string> Generator => GoldenCase.OfKind("smt_generator_loss");

    public static TheoryData<string> Score => GoldenCase.OfKind("smt_score_loss");

    public static TheoryData<string> Gan => GoldenCase.OfKind("smt_gan_loss");

    public static TheoryData<string> Edm => GoldenCase.OfKind("edm_loss");

    [Theory, MemberData(nameof(Generator))]
    public void GeneratorLoss_GivenDenoiserOutputs_GivesReferenceGradient(string id)
    {
        var golden = GoldenCase.Load(id);
        using var scope = torch.NewDisposeScope();
        var x = golden.Tensor("latents");
        var σ = golden.Levels("timesteps");
        golden.Verify("sigma", σ);
        golden.Verify("x_t", x + Networks.EdmPrecond.Like(σ, x) * golden.Tensor("noise"));

        var (f_0, f_α, f_1) = (golden.Tensor("f_0"), golden.Tensor("f_alpha"), golden.Tensor("f_1"));
        var direction = SmtLosses.GeneratorDirection(x, f_0, f_α, f_1, AdaptiveWeight.AlphaAndDmd);
        golden.Verify("official.grad", direction);
        x.requires_grad = true;
        var loss = SmtLosses.GeneratorLoss(x, direction);
        golden.Verify("official.loss", loss);
        loss.backward();
        golden.Verify("official.latents_grad", x.grad!);
        if (golden.Expects("paper.latents_grad"))
        {
            golden.Verify("paper.latents_grad", x.grad!);
        }
        if (golden.Expects("paper.gamma_x_dmd_only"))
        {
            // without w_α the 1/α of Eq. (9) stays; the paper's L1 norm is a sum over the D elements, ours a mean
            var dmd = SmtLosses.GeneratorDirection(golden.Tensor("latents"), f_0, f_α, f_1, AdaptiveWeight.DmdOnly);
            golden.Verify(
                "paper.gamma_x_dmd_only",
                dmd / Networks.EdmPrecond.Like(golden.Tensor("alpha"), dmd) / (double)(x.numel() / x.size(0))
            );
        }
    }

    [Theory, MemberData(nameof(Score))]
    public void ScoreLoss_GivenPredictions_GivesReferenceLossAndGradient(string id)
    {
        var golden = GoldenCase.Load(id);
        using var scope = torch.NewDisposeScope();
        var σ = golden.Levels("timesteps");
        golden.Verify("sigma", σ);
        var w = SmtLosses.DenoisingWeight(σ, golden.Config.Double("sigma_data", 0.5));
        golden.Verify("weight", w);
        var (real, fake, α) = (golden.Tensor("pred_real"), golden.Tensor("pred_fake"), golden.Tensor("alpha"));
        real.requires_grad = fake.requires_grad = true;
        var realLoss = SmtLosses.ScoreLoss(real, golden.Tensor("latents_real"), α, w, α.numel());
        var fakeLoss = SmtLosses.ScoreLoss(fake, golden.Tensor("latents_fake"), 1 - α, w, α.numel());
        golden.Verify("official.loss_real_mean", realLoss);
        golden.Verify("official.loss_fake_mean", fakeLoss);
        golden.Verify("official.loss_mean", realLoss + fakeLoss);
        (realLoss + fakeLoss).backward();
        golden.Verify("official.grad_pred_real", real.grad!);
        golden.Verify("official.grad_pred_fake", fake.grad!);
    }

    [Theory, MemberData(nameof(Gan))]
    public void GanLosses_GivenLogits_GiveReferenceLossesAndGradients(string id)
    {
        var golden = GoldenCase.Load(id);
        using var scope = torch.NewDisposeScope();
        var α = golden.Tensor("alpha");
        golden.Verify("logit_alpha", SmtLosses.LogOdds(α));
        Check("official.generator", (_, ℓ) => SmtLosses.GeneratorGanLoss(ℓ, α, GanForm.Released));
        Check("official.discriminator", (r, f) => SmtLosses.DiscriminatorLoss(r, f, α, GanForm.Released));
        Check("paper.eq11_generator", (_, ℓ) => SmtLosses.GeneratorGanLoss(ℓ, α, GanForm.Paper));
        Check("paper.d2_discriminator", (r, f) => SmtLosses.DiscriminatorLoss(r, f, α, GanForm.Paper));

        void Check(string name, Func<Tensor, Tensor, Tensor> loss)
        {
            var (real, fake) = (golden.Tensor("logit_real"), golden.Tensor("logit_fake"));
            real.requires_grad = fake.requires_grad = true;
            var value = loss(real, fake);
            golden.Verify(name, value);
            value.backward();
            golden.Verify($"{name}.grad_fake", fake.grad!);
            golden.Verify($"{name}.grad_real", real.grad ?? torch.zeros(real.shape));
        }
    }

    [Theory, MemberData(nameof(Edm))]
    public void DenoisingLoss_GivenDraws_GivesReferenceLossAndGradients(string id)
    {
        var golden = GoldenCase.Load(id);
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(0, torch.CPU);
        using var network = GoldenTorch.Network(
            golden.Config.GetProperty("model_type").GetString()!,
            golden.Config.GetProperty("network"),
            random,
            golden.Config.Double("sigma_data", 0.5)
        );
        network.eval();
        network.LoadValues(golden.WeightTensors());
        using var flat = new FlatParameters(("", network));
        var σ = (golden.Tensor("rnd_normal").reshape(-1) * golden.Config.Double("P_std", 1.2) + golden.Config.Double("P_mean", -1.2)).exp();
        golden.Verify("sigma", σ);
        var loss = DenoisingTrainer.Loss(network, golden.Tensor("images"), golden.Labels(network.Classes), σ, golden.Tensor("noise"));
        golden.Verify("loss", loss);
        var mean = loss.mean();
        golden.Verify("loss_mean", mean);
        mean.backward();
        var gradients = flat.Views(flat.Gradients).ToDictionary(v => v.Name, v => v.View);
        golden
            .Expect("grad_norms")
            .Verify([
                .. golden
                    .Config.GetProperty("param_names")
                    .EnumerateArray()
                    .Select(n => gradients[n.GetString()!].to(ScalarType.Float64).norm().ToDouble()),
            ]);
    }
}
