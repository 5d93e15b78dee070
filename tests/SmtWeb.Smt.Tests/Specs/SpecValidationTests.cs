using SmtWeb.Data.Formats;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Tests.Specs;

public sealed class SpecValidationTests
{
    private static readonly TrainingSpec Images = Presets.Find("fashion-mnist-quick")!.Spec;
    private static readonly DdpmPpSpec Unet = (DdpmPpSpec)Images.Network;
    private static readonly SmtSpec Smt = (SmtSpec)Images.Method;

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(-1.0)]
    [InlineData(0.0)]
    [InlineData(1.5)]
    public void Validate_RateOutOfRange_NamesLabelValueAndRange(double rate)
    {
        var error = Assert.Single(
            SpecValidation.Validate(Images with { Optimisation = Images.Optimisation with { GeneratorRate = rate } })
        );
        Assert.Equal("$.optimisation.generatorRate", error.Path);
        Assert.StartsWith("Generator rate is ", error.Message);
        Assert.EndsWith("it must be above 0 and at most 1.", error.Message);
    }

    [Fact]
    public void Validate_NullGroup_IsAnErrorNotACrash() =>
        Assert.Equal("$.evaluation", Assert.Single(SpecValidation.Validate(Images with { Evaluation = null! })).Path);

    public static TheoryData<string, TrainingSpec> Contradictions =>
        new()
        {
            { "$.network.kind", Images with { Network = new MlpSpec() } },
            { "$.network.kind", Images with { Data = new SwissRollSpec() } },
            { "$.network.patch", Images with { Network = Unet with { Patch = 3 } } },
            { "$.network.channelMultipliers", Images with { Network = Unet with { Patch = 8, ChannelMultipliers = [1, 1, 1, 1] } } },
            { "$.network.channelMultipliers", Images with { Network = Unet with { ChannelMultipliers = [] } } },
            { "$.network.attentionResolutions[1]", Images with { Network = Unet with { AttentionResolutions = [4, 16] } } },
            { "$.network.modelChannels", Images with { Network = Unet with { ModelChannels = 25 } } },
            { "$.network.modelChannels", Images with { Network = Unet with { ModelChannels = 6 } } },
            { "$.network.kind", Images with { Data = new SwissRollSpec(), Network = new AdmSpec() } },
            {
                "$.network.modelChannels",
                Images with
                {
                    Network = new AdmSpec { ModelChannels = 25, AttentionResolutions = [] },
                }
            },
            { "$.network.attentionResolutions[0]", Images with { Network = new AdmSpec { AttentionResolutions = [64] } } },
            {
                "$.network.channelsPerHead",
                Images with
                {
                    Network = new AdmSpec
                    {
                        ModelChannels = 64,
                        ChannelMultipliers = [1, 2],
                        AttentionResolutions = [],
                        ChannelsPerHead = 20,
                    },
                }
            },
            { "$.hardware.devices", Images with { Hardware = Images.Hardware with { Devices = 3 } } },
            { "$.method.generatorNoiseTo", Images with { Method = Smt with { GeneratorNoiseTo = 19 } } },
            { "$.method.scoreNoiseTo", Images with { Method = Smt with { ScoreNoiseFrom = 10, ScoreNoiseTo = 9 } } },
            { "$.method.generatorAlpha", Images with { Method = Smt with { GeneratorAlpha = AlphaSampler.UniformQuarterZero } } },
            { "$.method.scoreAlpha", Images with { Method = Smt with { ScoreAlpha = AlphaSampler.One } } },
            { "$.method.scoreAlpha", Images with { Method = Smt with { ScoreAlpha = AlphaSampler.ZeroOne } } },
            { "$.method.ganScoreWeight", Images with { Method = Smt with { GanGeneratorWeight = 0.1, GanScoreWeight = 0 } } },
            { "$.method.generatorAlpha", Images with { Method = Smt with { GeneratorAlpha = AlphaSampler.One } } },
            { "$.method.scoreFromWarmup", Images with { Method = Smt with { ScoreFromWarmup = true, WarmupIterations = 0 } } },
            {
                "$.method.scoreFromWarmup",
                Presets.Find("swiss-roll")!.Spec with
                {
                    Network = new MlpSpec { HiddenLayers = 3, ScoreHiddenLayers = 4 },
                }
            },
            {
                "$.network.scoreHiddenLayers",
                Presets.Find("fig5/smd")!.Spec with
                {
                    Method = new SmdSpec { Teacher = "1" },
                    Network = new MlpSpec { ScoreHiddenLayers = 3 },
                }
            },
            { "$.method.generatorSteps", Images with { Method = Smt with { GeneratorSteps = 3 } } },
            { "$.method.teacher", Images with { Method = new SmdSpec() } },
            { "$.method.teacher", Images with { Method = new SmdSpec { Teacher = "a\nb" } } },
            {
                "$.method.generatorAlpha",
                Images with
                {
                    Method = new SmdSpec { Teacher = "1", GeneratorAlpha = AlphaSampler.ZeroOne },
                }
            },
            { "$.method.noiseTo", Images with { Method = new DiffusionGanSpec { NoiseFrom = 500 } } },
            {
                "$.method.scoreNoiseTo",
                Images with
                {
                    Method = new ReverseKlSpec { ScoreNoiseFrom = 10, ScoreNoiseTo = 9 },
                }
            },
            { "$.optimisation.emaHalfLives[1]", Images with { Optimisation = Images.Optimisation with { EmaHalfLives = [50, 50] } } },
            { "$.method.ganForm", Images with { Method = Smt with { GanForm = (GanForm)7 } } },
            { "$.optimisation.rampIterations", Images with { Optimisation = Images.Optimisation with { RampIterations = 1_000_000 } } },
            { "$.method.scoreUpdatesPerGeneratorUpdate", Images with { Optimisation = Images.Optimisation with { Iterations = 2 } } },
        };

    [Theory]
    [MemberData(nameof(Contradictions))]
    public void Validate_Contradiction_PointsAtTheSetting(string path, TrainingSpec spec) =>
        Assert.Contains(path, SpecValidation.Validate(spec).Select(e => e.Path));

    [Fact]
    public void Sections_OfEveryPreset_NameEverySettingAndChoice()
    {
        foreach (var preset in Presets.All)
        {
            foreach (var setting in SpecCatalog.Sections(preset.Spec).SelectMany(s => s.Settings))
            {
                Assert.NotEmpty(setting.Label);
                Assert.NotEmpty(setting.Help);
                Assert.Equal(setting.Type == SettingType.Choice, setting.Choices.Count > 0);
                Assert.True(setting.ValueType.IsInstanceOfType(SpecCatalog.Get(preset.Spec, setting.Path)));
            }
        }
    }

    [Fact]
    public void Set_OneValue_LeavesTheOriginalAndTheRest()
    {
        var changed = SpecCatalog.Set(Images, "$.optimisation.batchSize", 32);
        Assert.Equal(32, SpecCatalog.Get(changed, "$.optimisation.batchSize"));
        Assert.Equal(Images.Optimisation with { BatchSize = 32 }, changed.Optimisation);
        Assert.NotEqual(32, Images.Optimisation.BatchSize);
        Assert.Equal(Images.Network, changed.Network);
    }

    [Fact]
    public void Set_Kind_SwitchesToItsDefaults()
    {
        Assert.Equal("ddpmpp", SpecCatalog.Get(Images, "$.network.kind"));
        Assert.Equal(new MlpSpec(), SpecCatalog.Set(Images, "$.network.kind", "mlp").Network);
        Assert.Throws<ArgumentException>(() => SpecCatalog.Set(Images, "$.network.kind", "transformer"));
    }

    [Theory]
    [InlineData("$.optimisation.speed", 1)]
    [InlineData("$.optimisation.batchSize", 1.5)]
    [InlineData("batchSize", 1)]
    public void Set_NoSuchSettingOrType_Throws(string path, object value) =>
        Assert.Throws<ArgumentException>(() => SpecCatalog.Set(Images, path, value));
}
