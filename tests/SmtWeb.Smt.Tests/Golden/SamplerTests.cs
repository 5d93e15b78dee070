using SmtWeb.Smt.Sampling;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>The sampler of diffusion models against the reference's images.</summary>
[Trait("Category", "Golden")]
public sealed class SamplerTests : TensorTest
{
    public static TheoryData<string> Heun => GoldenCase.OfKind("edm_heun_sampler");

    [Theory, MemberData(nameof(Heun))]
    public void HeunSampler_GivenLatents_GivesReferenceImages(string id)
    {
        var golden = GoldenCase.Load(id);
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(0, torch.CPU);
        var c = golden.Config;
        using var network = GoldenTorch.Network(c.GetProperty("model_type").GetString()!, c.GetProperty("network"), random);
        network.eval();
        golden.LoadWeights(network);

        var sampler = new HeunSampler(
            network,
            new HeunOptions
            {
                Steps = c.Int("num_steps", 18),
                SigmaMin = c.Double("sigma_min", 0.002),
                SigmaMax = c.Double("sigma_max", 80),
                Rho = c.Double("rho", 7),
                Churn = c.Double("S_churn", 0),
            }
        );
        golden.Expect("t_steps").Verify([.. sampler.Levels]);
        var image = sampler.Sample(golden.Tensor("latents"), golden.Labels(network.Classes));
        golden.Verify("image", image);
        golden.Verify("image_f32", image.to(ScalarType.Float32));
    }
}
