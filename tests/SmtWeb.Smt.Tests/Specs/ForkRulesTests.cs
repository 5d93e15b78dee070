using SmtWeb.Data.Formats;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Tests.Specs;

/// <summary>What a fork may change.</summary>
public sealed class ForkRulesTests
{
    private static readonly TrainingSpec Parent = Presets.Find("fashion-mnist-quick")!.Spec;

    [Fact]
    public void Check_RatesLengthAndEvaluation_MayChange()
    {
        var spec = Parent with
        {
            Optimisation = Parent.Optimisation with
            {
                GeneratorRate = 1e-6,
                GradientClip = 1,
                Iterations = Parent.Optimisation.Iterations * 2,
                BatchSize = 8,
                EmaHalfLives = [100],
            },
            Evaluation = Parent.Evaluation with { Samples = 64 },
            Network = (UNetSpec)Parent.Network with { ScoreDropout = 0.2 },
            Seed = 7,
        };
        Assert.Empty(ForkRules.Check(Parent, spec, Total(Parent)));
    }

    [Fact]
    public void Check_Network_NamesEachSettingThatDiffers()
    {
        var spec = Parent with { Network = (UNetSpec)Parent.Network with { ModelChannels = 64, BlocksPerLevel = 3 } };
        Assert.Equal(["$.network.blocksPerLevel", "$.network.modelChannels"], Paths(spec, 1).Order(StringComparer.Ordinal));
        Assert.Equal(["$.network.kind"], Paths(Parent with { Network = new AdmSpec() }, 1));
    }

    [Theory]
    [InlineData("diffusion", "$.method.kind")]
    [InlineData("gan", "$.method.kind")]
    [InlineData("reverseKl", null)]
    public void Check_Method_FitsWhereItTrainsTheSameNetworks(string kind, string? path)
    {
        var spec = SpecCatalog.Set(Parent, "$.method.kind", kind);
        var wrong = Paths(spec, Total(Parent) - 1);
        Assert.Equal(path is not null, wrong.Contains("$.method.kind"));
    }

    [Fact]
    public void Check_Data_MayBeOthersOfTheSameShape()
    {
        var zip = new ZipSpec
        {
            Source = "a.zip",
            Side = 32,
            Channels = 1,
            Classes = 10,
        };
        var last = Total(Parent) - 1;
        Assert.Empty(ForkRules.Check(Parent, Parent with { Data = zip }, last));
        Assert.Equal(["$.data.kind"], Paths(Parent with { Data = zip with { Channels = 3 } }, last));
        Assert.Equal(["$.data.kind"], Paths(Parent with { Data = zip with { Conditional = false } }, last));
    }

    [Fact]
    public void Check_Length_MustGoBeyondTheCheckpoint()
    {
        var total = Total(Parent);
        Assert.Equal(["$.optimisation.iterations"], Paths(Parent, total));
        Assert.Empty(ForkRules.Check(Parent, Parent, total - 1));
        var method = (SmtSpec)Parent.Method;
        Assert.Equal(
            ["$.method.warmupIterations"],
            Paths(Parent with { Method = method with { WarmupIterations = (int)total } }, total - 1)
        );
        Assert.Equal(
            ["$.method.warmupIterations"],
            Paths(Parent with { Method = method with { WarmupIterations = 1 } }, method.WarmupIterations - 1)
        );
    }

    [Fact]
    public void Check_Teacher_Stays()
    {
        var smd = Presets.Find("fig5/smd")!.Spec;
        var (seven, eight) = (
            smd with
            {
                Method = (SmdSpec)smd.Method with { Teacher = "7" },
            },
            smd with
            {
                Method = (SmdSpec)smd.Method with { Teacher = "8" },
            }
        );
        Assert.Equal(["$.method.teacher"], ForkRules.Check(seven, eight, 1).Select(e => e.Path));
    }

    private static long Total(TrainingSpec spec) => (long)spec.Method.Warmup() + spec.Optimisation.Iterations;

    private static IEnumerable<string> Paths(TrainingSpec spec, long iteration) =>
        ForkRules.Check(Parent, spec, iteration).Select(e => e.Path);
}
