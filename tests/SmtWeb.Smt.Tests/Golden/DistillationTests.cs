using SmtWeb.Smt.Methods.Smd;
using SmtWeb.Smt.Methods.Smt;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>The losses and whole training steps of distillation against numbers of the reference code.</summary>
[Trait("Category", "Golden")]
public sealed class DistillationTests : TensorTest
{
    public static TheoryData<string> GeneratorLosses => GoldenCase.OfKind("smd_generator_loss");

    public static TheoryData<string> ScoreLosses => GoldenCase.OfKind("smd_score_losses");

    public static TheoryData<string, bool> Steps
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var id in GoldenCase.OfKind("smd_train_steps"))
            {
                data.Add(id, true);
                data.Add(id, false);
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(GeneratorLosses))]
    public void GeneratorLoss_GivenDenoiserOutputs_GivesReferenceGradient(string id)
    {
        var golden = GoldenCase.Load(id);
        using var scope = torch.NewDisposeScope();
        var (x, α, ℓ) = (golden.Tensor("latents"), golden.Tensor("alpha"), golden.Tensor("logit"));
        var (f_p, f_fake) = (golden.Tensor("f_real"), golden.Tensor("f_fake"));
        var σ = golden.Levels("timesteps");
        golden.Verify("sigma", σ);
        golden.Verify("x_t", x + EdmPrecond.Like(σ, x) * golden.Tensor("noise"));
        var D = SmdLosses.MixtureWeight(ℓ, α);
        golden.Verify("official.scale", D);
        golden.Verify("paper.D", D);
        golden.Verify("official.weight_factor", SmtLosses.MeanOverSample((x - f_p).abs()));
        var direction = SmdLosses.GeneratorDirection(x, f_fake, f_p, D, α, σ, DistillationWeight.Dmd);
        golden.Verify("official.grad", direction);
        var gan = golden.Config.Double("gan_weight", 0) * SmdLosses.GeneratorGanLoss(ℓ, α, logOdds: true);
        golden.Verify("official.gan_term", gan);
        x.requires_grad = true;
        var loss = SmtLosses.GeneratorLoss(x, direction) + gan;
        golden.Verify("official.loss", loss);
        loss.backward();
        golden.Verify("official.latents_grad", x.grad!);

        // Eq. (12) and (15) are in scores, s = (f - x_t)/σ²; (15) alone is the direction without w_DMD over the dimension
        using var _ = torch.no_grad();
        var σ2 = EdmPrecond.Like(σ.square(), x);
        golden.Verify("paper.s_exp", (SmdLosses.ExplicitMixture(D, f_p, f_fake) - golden.Expect("x_t").Tensor.ToTensor()) / σ2);
        var dimension = (double)(x.numel() / x.size(0));
        var γ = SmdLosses.GeneratorDirection(x, f_fake, f_p, D, α, σ, DistillationWeight.None) / dimension;
        golden.Verify("paper.gamma_exp_x", γ);
        golden.Verify("paper.w_dmd", σ.square() / (SmtLosses.MeanOverSample((x - f_p).abs()) * dimension));
        golden.Verify("paper.gamma_exp_x_dmd", direction / dimension);
    }

    [Theory, MemberData(nameof(ScoreLosses))]
    public void ScoreLosses_GivenDenoiserOutputs_GiveReferenceLossesAndGradients(string id)
    {
        var golden = GoldenCase.Load(id);
        using var scope = torch.NewDisposeScope();
        var (real, fake, α) = (golden.Tensor("latents_real"), golden.Tensor("latents_fake"), golden.Tensor("alpha"));
        var (σ, σ_dsm) = (golden.Levels("timesteps_interp"), golden.Levels("timesteps_fake"));
        var (B, σ_data) = (α.numel(), golden.Config.Double("sigma_data", 0.5));
        golden.Verify("sigma", σ);
        golden.Verify("sigma_dsm", σ_dsm);
        golden.Verify("x_t_fake", fake + EdmPrecond.Like(σ, fake) * golden.Tensor("noise_interp"));
        golden.Verify("x_t_real", real + EdmPrecond.Like(σ, real) * golden.Tensor("noise_interp"));

        var prediction = golden.Tensor("dsm_pred");
        prediction.requires_grad = true;
        var denoising = SmtLosses.ScoreLoss(prediction, fake, torch.ones([B]), SmtLosses.DenoisingWeight(σ_dsm, σ_data), B);
        golden.Verify("official.loss_fake", denoising);
        denoising.backward();
        golden.Verify("official.loss_fake.grad_pred", prediction.grad!);

        var (ℓ_fake, ℓ_real) = (golden.Tensor("logit_fake"), golden.Tensor("logit_real"));
        ℓ_fake.requires_grad = ℓ_real.requires_grad = true;
        var (D_fake, D_real) = (SmdLosses.MixtureWeight(ℓ_fake, α), SmdLosses.MixtureWeight(ℓ_real, α));
        var f_p = torch.cat([golden.Tensor("real_on_real"), golden.Tensor("real_on_fake")]);
        var f_fake = torch.cat([golden.Tensor("fake_on_real"), golden.Tensor("fake_on_fake")]);
        var w = SmtLosses.DenoisingWeight(σ, σ_data);
        var (onReal, onFake) = SmdLosses.RatioLosses(torch.cat([D_real, D_fake]), f_p, f_fake, torch.cat([α, α]), torch.cat([w, w]), B, B);
        golden.Verify("official.interp_real", onReal);
        golden.Verify("official.interp_fake", onFake);
        (onReal + onFake).backward();
        golden.Verify("official.interp.grad_logit_fake", ℓ_fake.grad!);
        golden.Verify("official.interp.grad_logit_real", ℓ_real.grad!);

        using var _ = torch.no_grad();
        var f_exp = SmdLosses.ExplicitMixture(torch.cat([D_real, D_fake]), f_p, f_fake).chunk(2);
        golden.Verify("official.interp.pred_real", f_exp[0]);
        golden.Verify("official.interp.pred_fake", f_exp[1]);
        golden.Verify("paper.d3_per_sample", α * (1 - D_real).square() + (1 - α) * D_fake.square());

        // Eq. (14) is a squared norm of scores: σ⁻⁴ on denoisers, summed over the dimension
        var dimension = real.numel() / B;
        var perSample = Enumerable
            .Range(0, (int)B)
            .Select(k =>
                SmtLosses
                    .ScoreLoss(
                        torch.cat([f_exp[0].narrow(0, k, 1), f_exp[1].narrow(0, k, 1)]),
                        torch.cat([real.narrow(0, k, 1), fake.narrow(0, k, 1)]),
                        torch.cat([α.narrow(0, k, 1), 1 - α.narrow(0, k, 1)]),
                        σ.pow(-4).narrow(0, k, 1).expand(2) * (double)dimension,
                        1
                    )
                    .ToDouble()
            );
        golden.Expect("paper.eq14_per_sample").Verify([.. perSample]);
    }

    [Theory, MemberData(nameof(Steps))]
    public void SmdTrainer_GivenDraws_TakesReferenceSteps(string id, bool dropRepeatedPasses)
    {
        var golden = GoldenCase.Load(id);
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(0, torch.CPU);
        var c = golden.Config;
        Assert.True(c.Flag("joint_training", true), "The harness knows the released step with joint training alone.");
        ImageDenoiser Network(string prefix)
        {
            var network = GoldenTorch.Network(c.GetProperty("net_type").GetString()!, c.GetProperty("net"), random);
            network.LoadValues(golden.WeightTensors($"{prefix}."));
            return network;
        }

        using var generator = Network("generator");
        using var teacher = Network("real");
        var denoiser = Network("fake");
        var head = new ClassHead(denoiser.Model.BottleneckChannels, denoiser.Model.BottleneckSide, random, c.Int("head_groups"));
        head.LoadValues(golden.WeightTensors("head."));
        using var fake = new FakeScore(denoiser, head);

        var method = new SmdSpec
        {
            ScoreUpdatesPerGeneratorUpdate = c.Int("update_ratio"),
            GanGeneratorWeight = c.Double("gan_weight", 0),
            DropRepeatedPasses = dropRepeatedPasses,
        };
        using var trainer = new SmdTrainer(
            generator,
            fake,
            teacher,
            method,
            new OptimisationSpec { WeightDecay = c.Double("weight_decay", 0), GradientClip = c.Double("max_grad_norm", 0) }
        );
        var start = Parameters(trainer);
        var labels = golden.Labels(generator.Classes);
        for (var k = 0; k < c.Int("iterations"); k++)
        {
            Tensor In(string name) => golden.Tensor($"{name}{k}");
            var turn = trainer.IsGeneratorTurn(k);
            Assert.Equal(turn, golden.Expects($"gen{k}"));
            if (turn)
            {
                VerifyDirection(golden, k, trainer, In("z"), labels, c.Double("gan_weight", 0));
            }
            var (g, s) = trainer.Step(
                In("x_real"),
                labels,
                In("z"),
                labels,
                turn ? new SmdGeneratorDraws(golden.Levels($"t_gen{k}"), In("n_gen"), In("alpha_gen")) : null,
                new SmdScoreDraws(
                    golden.Levels($"t_dsm{k}"),
                    In("n_dsm"),
                    golden.Levels($"t_interp{k}"),
                    In("n_interp"),
                    In("n_interp"),
                    In("alpha_score"),
                    golden.Input($"alpha_score{k}").Floats
                ),
                c.Double("gen_lr", 0),
                c.Double("score_lr", 0)
            );
            if (g is not null)
            {
                golden
                    .Expect($"gen{k}")
                    .Verify(g.DivergenceLoss.ToDouble() + c.Double("gan_weight", 0) * g.GanLoss.ToDouble(), g.GradientNorm.Value);
            }
            golden
                .Expect($"score{k}")
                .Verify(s.DenoisingLoss.ToDouble(), s.FakeLoss.ToDouble(), s.RealLoss.ToDouble(), s.GradientNorm.Value);
        }
        using var __ = torch.no_grad();
        var end = Parameters(trainer);
        var names = c.GetProperty("param_names").EnumerateArray().Select(n => n.GetString()!).ToList();
        golden.Expect("param_norms").Verify([.. names.Select(n => end[n].norm().ToDouble())]);
        golden.Expect("param_delta_norms").Verify([.. names.Select(n => (end[n] - start[n]).norm().ToDouble())]);
        golden.Verify("final.x_fake", generator.Generate(golden.Tensor("z0"), labels));
    }

    // what Step computes inside: D, the direction, and the gradient of the whole generator loss at the generated samples
    private static void VerifyDirection(GoldenCase golden, int k, SmdTrainer trainer, Tensor z, Tensor? labels, double λ)
    {
        using var scope = torch.NewDisposeScope();
        var (σ, ε, α) = (golden.Levels($"t_gen{k}"), golden.Tensor($"n_gen{k}"), golden.Tensor($"alpha_gen{k}"));
        var x = trainer.Generator.Generate(z, labels).detach();
        x.requires_grad = true;
        trainer.Fake.RequireGrad(false);
        var x_t = x + EdmPrecond.Like(σ, x) * ε;
        var (f_fake, ℓ) = trainer.Fake.DenoiseWithRatio(x_t, σ, labels, decoderLearns: false);
        Tensor direction;
        using (torch.no_grad())
        {
            var D = SmdLosses.MixtureWeight(ℓ, α);
            direction = SmdLosses.GeneratorDirection(
                x,
                f_fake,
                trainer.Teacher.forward(x_t, σ, null, labels),
                D,
                α,
                σ,
                DistillationWeight.Dmd
            );
            golden.Verify($"gen{k}.scale", D);
        }
        golden.Verify($"gen{k}.grad", direction);
        (SmtLosses.GeneratorLoss(x, direction) + λ * SmdLosses.GeneratorGanLoss(ℓ, α, logOdds: true)).backward();
        golden.Verify($"gen{k}.x_grad", x.grad!);
        trainer.Fake.RequireGrad(true);
    }

    private static Dictionary<string, Tensor> Parameters(SmdTrainer trainer)
    {
        using var _ = torch.no_grad();
        return trainer
            .Generator.ParameterEntries("generator.")
            .Concat(
                trainer
                    .Fake.ParameterEntries()
                    .Select(p =>
                        (p.Name.StartsWith("head.", StringComparison.Ordinal) ? p.Name : $"fake.{p.Name["score.".Length..]}", p.Parameter)
                    )
            )
            .ToDictionary(p => p.Item1, p => p.Item2.detach().to(ScalarType.Float64).clone());
    }
}
