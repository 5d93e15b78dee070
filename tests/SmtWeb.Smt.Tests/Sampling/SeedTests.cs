using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Tests.Diffusion;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Sampling;

/// <summary>All 64 bits of a seed make an image.</summary>
public sealed class SeedTests : TensorTest
{
    private const ulong Far = 1UL << 32;

    [Fact]
    public void Draw_SeedsThatDifferInTheUpperHalf_GiveOtherSamples()
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new GaussianDenoiser(0.5, size: 6);
        foreach (var steps in new[] { 1, 2, 4 })
        {
            var sampler = new FewStepSampler(generator, torch.CPU, steps);
            var rows = sampler.Draw([7, 7 + Far, 7 + (Far << 31), 7], null).ToArray<float>().Chunk(6).ToList();
            Assert.NotEqual(rows[0], rows[1]);
            Assert.NotEqual(rows[0], rows[2]);
            Assert.NotEqual(rows[1], rows[2]);
            Assert.Equal(rows[0], rows[3]);
        }
    }

    [Fact]
    public void Draw_OneStep_StartsFromTheDocumentedNoise()
    {
        // g(z; 80) of a Gaussian is linear in z
        using var scope = torch.NewDisposeScope();
        using var generator = new GaussianDenoiser(0.5, size: 5);
        ulong[] seeds = [3, 4 + Far, ulong.MaxValue];
        var z = Philox.Normal(seeds, [5], draw: 0);
        Assert.Equal(
            generator.Generate(z, null).ToArray<float>(),
            new OneStepSampler(generator, torch.CPU).Draw(seeds, null).ToArray<float>()
        );
    }

    [Fact]
    public void Interpolate_SeedsThatDifferInTheUpperHalf_GivesOtherNoise()
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new GaussianDenoiser(0.5, size: 8);
        var sampler = new OneStepSampler(generator, torch.CPU);
        var (near, far) = (sampler.Interpolate(1, 2, 5).ToArray<float>(), sampler.Interpolate(1, 2 + Far, 5).ToArray<float>());
        Assert.Equal(near[..8], far[..8]);
        Assert.NotEqual(near[^8..], far[^8..]);
        Assert.Equal(Philox.Normal([2 + Far], [8], draw: 0).ToArray<float>(), far[^8..], (a, b) => Math.Abs(a - b) < 1e-5);
    }
}
