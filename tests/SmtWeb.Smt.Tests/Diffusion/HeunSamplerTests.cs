using SmtWeb.Smt.Sampling;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Diffusion;

/// <summary>The sampler where its answer is known: the diffusion of a Gaussian.</summary>
public sealed class HeunSamplerTests : TensorTest
{
    [Fact]
    public void Sample_Gaussian_ConvergesToTheExactFlowInSecondOrder()
    {
        // dx/dσ = σ x/(s² + σ²): x(0) = x(σ_max) s/√(s² + σ_max²)
        using var scope = torch.NewDisposeScope();
        using var denoiser = new GaussianDenoiser(0.5);
        var z = Tensors.Of([1f, -2, 0.5f, 3], [2, 2]);
        var exact = z.to(ScalarType.Float64) * (80 * 0.5 / Math.Sqrt(0.25 + 6400));
        double Error(int steps) => (new HeunSampler(denoiser, new HeunOptions { Steps = steps }).Sample(z, null) - exact).norm().ToDouble();
        var (coarse, fine) = (Error(16), Error(64));
        Assert.InRange(fine, 1e-5, 0.01);
        Assert.InRange(coarse / fine, 12, 26); // 4² for four times the steps; a first-order method would give 4
    }

    [Fact]
    public void Draw_WithChurn_KeepsTheGaussiansMeanAndVariance()
    {
        using var scope = torch.NewDisposeScope();
        using var denoiser = new GaussianDenoiser(0.5, size: 100);
        var sampler = new HeunSampler(
            denoiser,
            new HeunOptions
            {
                Steps = 32,
                Churn = 40,
                ChurnFrom = 0.05,
                ChurnTo = 50,
                NoiseScale = 1,
            }
        );
        var x = sampler.Draw([.. Enumerable.Range(0, 64).Select(k => (ulong)k)], null, torch.CPU);
        Assert.Equal(0, x.mean().ToDouble(), 0.03); // 6,400 values: standard error 0.006
        Assert.Equal(0.5, Math.Sqrt(x.square().mean().ToDouble()), 0.03);
        var still = new HeunSampler(denoiser, new HeunOptions { Steps = 32 }).Draw([0, 1], null, torch.CPU);
        Assert.True((x.narrow(0, 0, 2) - still).norm().ToDouble() > 1); // the noise did something
    }

    [Theory]
    [InlineData(0)]
    [InlineData(30)]
    public void Draw_AnyBatch_GivesEachSampleByItsSeedAndClassAlone(double churn)
    {
        using var scope = torch.NewDisposeScope();
        using var denoiser = new GaussianDenoiser(0.5, classes: 4);
        var sampler = new HeunSampler(denoiser, new HeunOptions { Steps = 6, Churn = churn });
        var seeds = Enumerable.Range(100, 40).Select(k => (ulong)k).ToArray();
        var labels = seeds.Select(s => (int)(s % 4)).ToArray();
        var together = sampler.Draw(seeds, labels, torch.CPU).ToArray<float>();
        foreach (var k in new[] { 0, 31, 32, 39 })
        {
            Assert.Equal(together[(2 * k)..((2 * k) + 2)], sampler.Draw([7, seeds[k]], [0, labels[k]], torch.CPU).ToArray<float>()[2..]);
        }
    }

    [Fact]
    public void Draw_Labels_ReachTheDenoiser()
    {
        using var scope = torch.NewDisposeScope();
        using var denoiser = new GaussianDenoiser(0.1, classes: 4, size: 50);
        var sampler = new HeunSampler(denoiser, new HeunOptions { Steps = 18 });
        var x = sampler.Draw([1, 2, 3], [3, 0, 2], torch.CPU).mean([1]).ToArray<float>();
        Assert.Equal(3, x[0], 0.1);
        Assert.Equal(0, x[1], 0.1);
        Assert.Equal(2, x[2], 0.1);
        Assert.Contains("0 to 3", Assert.Throws<ArgumentException>(() => sampler.Draw([1], [4], torch.CPU)).Message);
        Assert.Contains("2 labels for 1 samples", Assert.Throws<ArgumentException>(() => sampler.Draw([1], [1, 2], torch.CPU)).Message);
    }

    [Fact]
    public void Levels_DefaultSettings_FallFromMaximumToMinimumToZero()
    {
        using var denoiser = new GaussianDenoiser(0.5);
        var levels = new HeunSampler(denoiser, new HeunOptions()).Levels;
        Assert.Equal(19, levels.Count);
        Assert.Equal(80, levels[0], 1e-9);
        Assert.Equal(0.002, levels[17], 1e-12);
        Assert.Equal(0, levels[18]);
        Assert.Equal(levels.OrderDescending(), levels);
    }

    [Fact]
    public void Constructor_BadSettings_NamesEachWithItsValue()
    {
        using var denoiser = new GaussianDenoiser(0.5);
        var error = Assert.Throws<ArgumentException>(() =>
            new HeunSampler(
                denoiser,
                new HeunOptions
                {
                    Steps = 0,
                    SigmaMin = double.NaN,
                    Rho = -1,
                    Churn = -2,
                }
            )
        );
        foreach (var part in new[] { "Steps is 0", "SigmaMin is NaN", "Rho is -1", "Churn is -2" })
        {
            Assert.Contains(part, error.Message);
        }
    }
}
