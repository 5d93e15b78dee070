using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Tests.Diffusion;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Sampling;

/// <summary>Generation in several steps, with the denoiser of a Gaussian as the generator.</summary>
public sealed class FewStepSamplerTests : TensorTest
{
    [Fact]
    public void Draw_OneStep_IsTheOneStepSampler()
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new GaussianDenoiser(0.5, classes: 3);
        ulong[] seeds = [4, 5, 6];
        int[] labels = [0, 2, 1];
        Assert.Equal(
            new OneStepSampler(generator, torch.CPU).Draw(seeds, labels).ToArray<float>(),
            new FewStepSampler(generator, torch.CPU, steps: 1).Draw(seeds, labels).ToArray<float>()
        );
    }

    [Fact]
    public void Sample_GivenNoise_FollowsTheRecursion()
    {
        // g(x; σ) = c(σ) x with c = s²/(s² + σ²): x₁ = c(80) 80 z₀, x₂ = c(2)(x₁ + 2 z₁), x₃ = c(0.5)(x₂ + z₂/2)
        using var scope = torch.NewDisposeScope();
        using var generator = new GaussianDenoiser(0.5);
        float[][] z =
        [
            [1, 2],
            [-3, 0.5f],
            [0.25f, 4],
        ];
        var at = 0;
        var x = new FewStepSampler(generator, torch.CPU, [80, 2, 0.5]).Sample(() => Tensors.Of(z[at++], [1, 2]), null).ToArray<float>();
        static double C(double σ) => 0.25 / (0.25 + (σ * σ));
        for (var k = 0; k < 2; k++)
        {
            var expected = C(0.5) * ((C(2) * ((C(80) * 80 * z[0][k]) + (2 * z[1][k]))) + (0.5 * z[2][k]));
            Assert.Equal(expected, x[k], 1e-5);
        }
        Assert.Equal(3, at);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Draw_AnyBatch_GivesEachSampleByItsSeedAlone(int steps)
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new GaussianDenoiser(0.5);
        var sampler = new FewStepSampler(generator, torch.CPU, steps);
        var seeds = Enumerable.Range(0, 40).Select(k => (ulong)k).ToArray();
        var together = sampler.Draw(seeds, null).ToArray<float>();
        foreach (var k in new[] { 0, 33, 39 })
        {
            Assert.Equal(together[(2 * k)..((2 * k) + 2)], sampler.Draw([seeds[k]], null).ToArray<float>());
        }
        Assert.NotEqual(
            new FewStepSampler(generator, torch.CPU, 1).Draw([3], null).ToArray<float>(),
            sampler.Draw([3], null).ToArray<float>()
        );
    }

    [Fact]
    public void LevelsOf_FourSteps_ContainThoseOfTwo()
    {
        Assert.Equal([80.0], FewStepSampler.LevelsOf(1));
        Assert.All(FewStepSampler.LevelsOf(2), σ => Assert.Contains(σ, FewStepSampler.LevelsOf(4)));
        Assert.Equal([80, 17, 2.5, 0.17], FewStepSampler.LevelsOf(4), (a, b) => Math.Abs(a / b - 1) < 0.05);
        Assert.Throws<ArgumentOutOfRangeException>(() => FewStepSampler.LevelsOf(3));
    }

    [Fact]
    public void Constructor_LevelsThatDoNotFall_NamesTheLevel()
    {
        using var generator = new GaussianDenoiser(0.5);
        Assert.Contains("start at 80", Assert.Throws<ArgumentException>(() => new FewStepSampler(generator, torch.CPU, [79])).Message);
        Assert.Contains(
            "Level 3 is 5",
            Assert.Throws<ArgumentException>(() => new FewStepSampler(generator, torch.CPU, [80, 2, 5])).Message
        );
    }
}
