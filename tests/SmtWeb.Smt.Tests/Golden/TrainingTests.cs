using SmtWeb.Smt.Methods.Smt;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>Optimizer and whole training steps against the reference's numbers.</summary>
[Trait("Category", "Golden")]
public sealed class TrainingTests : TensorTest
{
    public static TheoryData<string> AdamWCases => GoldenCase.OfKind("adamw");

    public static TheoryData<string> Steps => GoldenCase.OfKind("smt_train_steps");

    [Theory, MemberData(nameof(AdamWCases))]
    public void AdamW_GivenGradients_FollowsReferenceWithClippingAndAverage(string id)
    {
        var golden = GoldenCase.Load(id);
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var config = golden.Config;
        using var module = new Holder([.. Enumerable.Range(0, config.Int("n_params")).Select(k => golden.Tensor($"p{k}"))]);
        using var flat = new FlatParameters(("", module));
        var betas = config.GetProperty("betas").EnumerateArray().Select(b => b.GetDouble()).ToArray();
        using var adamW = new AdamW(flat, betas[0], betas[1], config.Double("eps", 1e-8), config.Double("weight_decay", 0.01));
        using var ema = flat.NewState();
        ema.copy_(flat.Values);
        var norms = new List<double>();
        for (var step = 0; step < config.Int("steps"); step++)
        {
            foreach (var (view, k) in flat.Views(flat.Gradients).Select((v, k) => (v.View, k)))
            {
                view.copy_(golden.Tensor($"g{step}_{k}"));
            }
            norms.Add(adamW.Step(config.Double("lr", 0), config.Double("max_norm", 0)).Value);
            ema.lerp_(flat.Values, torch.full([], 1 - config.Double("ema_decay", 0)));
            Compare(flat.Gradients, k => $"clipped_grad{step}_{k}");
            Compare(flat.Values, k => $"p{k}_after_step{step + 1}");
            Compare(ema, k => $"ema{k}_after_step{step + 1}");
        }
        golden.Expect("grad_norm_before_clip").Verify([.. norms]);
        Compare(adamW.FirstMoment, k => $"exp_avg{k}");
        Compare(adamW.SecondMoment, k => $"exp_avg_sq{k}");

        void Compare(Tensor state, Func<int, string> name)
        {
            foreach (var (view, k) in flat.Views(state).Select((v, k) => (v.View, k)))
            {
                if (golden.Expects(name(k)))
                {
                    golden.Verify(name(k), view);
                }
            }
        }
    }

    [Theory, MemberData(nameof(Steps))]
    public void SmtTrainer_GivenDraws_TakesReferenceSteps(string id)
    {
        var golden = GoldenCase.Load(id);
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(0, torch.CPU);
        var c = golden.Config;
        using var generator = GoldenTorch.Network(c.GetProperty("gen_type").GetString()!, c.GetProperty("gen_net"), random);
        var denoiser = GoldenTorch.Network(c.GetProperty("score_type").GetString()!, c.GetProperty("score_net"), random);
        var head = new ClassHead(denoiser.Model.BottleneckChannels, denoiser.Model.BottleneckSide, random, c.Int("head_groups"));
        using var score = new AmortizedScore(denoiser, head);
        generator.LoadValues(golden.WeightTensors("generator."));
        var prefixes = golden.Weights().Select(w => w.Name.Split('.')[0]).Distinct().Where(p => p != "generator").ToArray();
        denoiser.LoadValues(golden.WeightTensors($"{prefixes[0]}."));
        head.LoadValues(golden.WeightTensors($"{prefixes[1]}."));

        var method = new SmtSpec
        {
            ScoreUpdatesPerGeneratorUpdate = c.Int("update_ratio"),
            GanGeneratorWeight = c.Double("gen_cls_loss_weight", 0),
            GanScoreWeight = c.Double("cls_loss_weight", 0),
            GanForm = GanForm.Released,
        };
        using var trainer = new SmtTrainer(
            generator,
            score,
            method,
            new OptimisationSpec { WeightDecay = c.Double("weight_decay", 0), GradientClip = c.Double("max_grad_norm", 0) }
        );
        for (var k = 0; k < c.Int("iterations"); k++)
        {
            Tensor In(string name) => golden.Tensor($"{name}{k}");
            Tensor Sigma(string name) => golden.Levels($"{name}{k}");
            var labels = golden.Labels(generator.Classes, k);
            var turn = trainer.IsGeneratorTurn(k);
            Assert.Equal(turn, golden.Expects($"gen{k}"));
            using (torch.no_grad())
            {
                golden.Verify($"x_fake{k}", generator.Generate(In("z"), labels));
            }
            var (g, s) = trainer.Step(
                In("x_real"),
                labels,
                In("z"),
                labels,
                turn
                    ? new GeneratorDraws(
                        Sigma("t_gen"),
                        In("n_gen"),
                        In("alpha_gen"),
                        Sigma("t_gancls"),
                        In("n_gancls"),
                        In("alpha_gancls")
                    )
                    : null,
                new ScoreDraws(
                    Sigma("t_score"),
                    In("n_score_real"),
                    In("n_score_fake"),
                    In("alpha_score"),
                    golden.Input($"alpha_score{k}").Floats,
                    Sigma("t_disc_real"),
                    In("n_disc_real"),
                    Sigma("t_disc_fake"),
                    In("n_disc_fake"),
                    In("alpha_disc")
                ),
                c.Double("gen_lr", 0),
                c.Double("score_lr", 0)
            );
            if (g is not null)
            {
                golden.Expect($"gen{k}").Verify(g.DivergenceLoss.ToDouble(), g.GanLoss.ToDouble(), g.GradientNorm.Value);
            }
            var (real, fake) = (s.RealLoss.ToDouble(), s.FakeLoss.ToDouble());
            golden.Expect($"score{k}").Verify(real + fake, fake, real, s.DiscriminatorLoss.ToDouble(), s.GradientNorm.Value);
        }
        using var __ = torch.no_grad();
        var firstLabels = golden.Labels(generator.Classes, 0);
        golden.Verify("final.x_fake", generator.Generate(golden.Tensor("z0"), firstLabels));
        var x = golden.Tensor("x_real0");
        golden.Verify("final.f_half", score.Denoise(x, torch.ones([x.size(0)]), torch.full([x.size(0)], 0.5), firstLabels));
    }

    private sealed class Holder : NetworkPart
    {
        internal Holder(IReadOnlyList<Tensor> values)
        {
            for (var k = 0; k < values.Count; k++)
            {
                Register($"p{k}", values[k]);
            }
        }
    }
}
