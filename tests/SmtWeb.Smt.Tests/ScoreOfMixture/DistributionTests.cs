using SmtWeb.Data.Batches;
using SmtWeb.Smt.Methods.Smt;
using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Tests.Golden;

namespace SmtWeb.Smt.Tests.ScoreOfMixture;

public sealed class DistributionTests
{
    public static TheoryData<string> KarrasGrids => GoldenCase.OfKind("karras_grid");

    public static TheoryData<string> AlphaSamplers => GoldenCase.OfKind("alpha_samplers");

    [Theory]
    [Trait("Category", "Golden")]
    [MemberData(nameof(KarrasGrids))]
    public void Create_GoldenCase_GivesItsGrid(string id)
    {
        var golden = GoldenCase.Load(id);
        var c = golden.Config;
        golden
            .Expect("sigmas")
            .Verify(
                KarrasGrid.Create(
                    c.GetProperty("n").GetInt32(),
                    c.GetProperty("sigma_min").GetDouble(),
                    c.GetProperty("sigma_max").GetDouble(),
                    c.GetProperty("rho").GetDouble()
                )
            );
    }

    [Theory]
    [Trait("Category", "Golden")]
    [MemberData(nameof(KarrasGrids))]
    public void Sigmas_EndsOfTheGrid_AreThoseOfTheReleasedCode(string id)
    {
        var golden = GoldenCase.Load(id);
        if (golden.Config.GetProperty("n").GetInt32() != KarrasGrid.Levels)
        {
            return;
        }
        Assert.Equal((float)golden.Values.GetProperty("last").GetDouble(), KarrasGrid.Sigmas[^1]);
        Assert.Equal(golden.Values.GetProperty("first").GetDouble(), KarrasGrid.Sigmas[0], 1e-8);
    }

    [Theory]
    [Trait("Category", "Golden")]
    [MemberData(nameof(AlphaSamplers))]
    public void Alpha_GoldenTables_HaveTheirSupportAndProbabilities(string id)
    {
        var golden = GoldenCase.Load(id);
        foreach (var table in golden.Values.GetProperty("tables").EnumerateObject())
        {
            // The literal readings of Sec. 3.5 have no sampler in the released code, only a name.
            var distribution =
                table.Value.TryGetProperty("sampler", out var sampler)
                    ? Released(
                        sampler.GetString()!,
                        table.Value.GetProperty("maximum").GetInt32(),
                        table.Value.GetProperty("point_mass_prob").GetDouble()
                    )
                : table.Name.Contains("score") ? AlphaDistribution.Of(AlphaSampler.UniformQuarterZero)
                : AlphaDistribution.Uniform(1000);
            golden.Expect($"support.{table.Name}").Verify([.. distribution.Support]);
            golden.Expect($"prob.{table.Name}").Verify([.. distribution.Probability]);
        }
    }

    [Theory]
    [InlineData(AlphaSampler.UniformQuarterZero)]
    [InlineData(AlphaSampler.UniformNoZero)]
    [InlineData(AlphaSampler.ReleasedScore)]
    [InlineData(AlphaSampler.ReleasedDistillationScore)]
    [InlineData(AlphaSampler.UpperHalf)]
    [InlineData(AlphaSampler.ZeroOne)]
    [InlineData(AlphaSampler.One)]
    public void At_ManyDraws_MatchTheProbabilities(AlphaSampler sampler)
    {
        var distribution = AlphaDistribution.Of(sampler);
        var random = new HostRandom(11);
        var counts = distribution.Support.ToDictionary(a => a, _ => 0);
        const int n = 200_000;
        for (var i = 0; i < n; i++)
        {
            counts[distribution.At(random.NextDouble())]++;
        }
        for (var i = 0; i < distribution.Support.Count; i++)
        {
            var p = distribution.Probability[i];
            Assert.InRange(counts[distribution.Support[i]] - (n * p), -6 * Math.Sqrt(n * p) - 1, (6 * Math.Sqrt(n * p)) + 1);
        }
    }

    [Fact]
    public void At_EdgesOfTheUniform_StayInTheSupport()
    {
        var distribution = AlphaDistribution.Of(AlphaSampler.ReleasedScore);
        Assert.Equal(0f, distribution.At(0));
        Assert.Equal(1f, distribution.At(Math.BitDecrement(1.0)));
        Assert.Equal(0f, AlphaDistribution.Of(AlphaSampler.ZeroOne).At(0.49999));
        Assert.Equal(1f, AlphaDistribution.Of(AlphaSampler.ZeroOne).At(0.5));
    }

    /// <summary>The samplers of the released code; with half the mass on points it takes {0, 1/2, 1}, with less it takes {0}.</summary>
    private static AlphaDistribution Released(string sampler, int maximum, double mass) =>
        sampler switch
        {
            "augmented_discrete_uniform_sampler" when mass == 0.5 => AlphaDistribution.WithThirds(AlphaDistribution.Uniform(maximum), mass),
            "augmented_discrete_uniform_sampler" => AlphaDistribution.WithMasses(AlphaDistribution.Uniform(maximum), [(0, mass)]),
            "zeroless_discrete_uniform_sampler" => AlphaDistribution.UniformNoZero(maximum),
            "partial_discrete_uniform_sampler" => AlphaDistribution.UpperHalf(maximum),
            "discrete_uniform_sampler" => AlphaDistribution.Uniform(maximum),
            "range_sampler" => AlphaDistribution.Uniform(maximum + 1),
            _ => throw new NotSupportedException(sampler),
        };
}
