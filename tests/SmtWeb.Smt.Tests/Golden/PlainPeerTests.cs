using System.Text.Json;
using SmtWeb.Benchmarks.Plain;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>
/// The plain step that the benchmarks compare with computes the reference's step: else it would be no yardstick. In float32,
/// as they run it, and in float64, which no convolution of oneDNN touches.
/// </summary>
[Trait("Category", "Golden")]
[Collection("Tensors")]
public sealed class PlainPeerTests
{
    public static TheoryData<string, ScalarType> Steps
    {
        get
        {
            var data = new TheoryData<string, ScalarType>();
            foreach (var step in GoldenCase.OfKind("smt_train_steps"))
            {
                data.Add(step.Data, ScalarType.Float32);
                data.Add(step.Data, ScalarType.Float64);
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Steps))]
    public void PlainTrainer_GivenDraws_TakesReferenceSteps(string id, ScalarType type)
    {
        TorchRuntime.Initialize();
        torch.set_default_dtype(type);
        try
        {
            TakeSteps(GoldenCase.Load(id));
        }
        finally
        {
            torch.set_default_dtype(ScalarType.Float32);
        }
    }

    private static void TakeSteps(GoldenCase golden)
    {
        using var scope = torch.NewDisposeScope();
        var c = golden.Config;
        using var generator = new PlainDenoiser(Settings(c.GetProperty("gen_net")), amortized: false);
        using var score = new PlainDenoiser(Settings(c.GetProperty("score_net")), amortized: true);
        using var head = PlainTrainer.Head(score.Model.BottleneckChannels, score.Model.BottleneckSide, c.Int("head_groups"));
        generator.LoadValues(golden.WeightTensors("generator."));
        score.LoadValues(golden.WeightTensors("score."));
        head.LoadValues(golden.WeightTensors("head."));
        using var trainer = new PlainTrainer(
            generator,
            score,
            head,
            c.Double("gen_lr", 0),
            c.Double("score_lr", 0),
            c.Int("update_ratio"),
            c.Double("gen_cls_loss_weight", 0),
            c.Double("cls_loss_weight", 0),
            c.Double("max_grad_norm", 0)
        );
        for (var k = 0; k < c.Int("iterations"); k++)
        {
            var labels = golden.Labels(c.GetProperty("gen_net").Int("label_dim"), k);
            var (fake, g, s) = trainer.Iterate(
                k,
                Wide(golden.Tensor($"x_real{k}")),
                labels is null ? null : Wide(labels),
                name => Wide(golden.Tensor($"{name}{k}"))
            );
            golden.Verify($"x_fake{k}", fake);
            Assert.Equal(golden.Expects($"gen{k}"), g is not null);
            if (g is { } update)
            {
                golden.Expect($"gen{k}").Verify(update.Loss.ToDouble(), update.Gan.ToDouble(), update.Norm);
            }
            golden.Expect($"score{k}").Verify(s.Loss.ToDouble(), s.Fake.ToDouble(), s.Real.ToDouble(), s.Gan.ToDouble(), s.Norm);
        }
    }

    private static Tensor Wide(Tensor t) => t.is_floating_point() ? t.to(torch.get_default_dtype()) : t;

    private static PlainSettings Settings(JsonElement net) =>
        new(
            net.Int("img_channels"),
            net.Int("img_resolution"),
            net.Int("model_channels", 128),
            net.Ints("channel_mult") ?? [1, 2, 2, 2],
            net.Int("num_blocks", 4),
            net.Ints("attn_resolutions") ?? [16],
            net.Int("label_dim")
        );
}
