using System.Text.Json;
using System.Text.Json.Nodes;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Tests.Specs;

public sealed class SpecJsonTests
{
    private static readonly TrainingSpec Spec = Presets.Find("fashion-mnist-quick")!.Spec;

    public static TheoryData<string> PresetNames => [.. Presets.All.Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(PresetNames))]
    public void Parse_WrittenPreset_GivesEqualHash(string name)
    {
        var spec = WithTeacher(Presets.Find(name)!.Spec);
        var (read, errors) = SpecJson.Parse(SpecJson.Write(spec));
        Assert.Empty(errors);
        Assert.Equal(SpecJson.Hash(spec), SpecJson.Hash(read!));
        Assert.Equal(SpecJson.Write(spec), SpecJson.Write(read!));
    }

    [Theory]
    [MemberData(nameof(PresetNames))]
    public void Validate_QuickTestOfPreset_HasNoErrors(string name) =>
        Assert.Empty(SpecValidation.Validate(WithTeacher(Presets.Find(name)!.Spec.ForQuickTest())));

    // a preset of distillation leaves its teacher open
    private static TrainingSpec WithTeacher(TrainingSpec spec) =>
        spec.Method is SmdSpec smd ? spec with { Method = smd with { Teacher = "1" } } : spec;

    [Fact]
    public void Hash_MembersReordered_StaysEqual()
    {
        // jsonb stores short names first, so "kind" may come late.
        var root = JsonNode.Parse(SpecJson.Write(Spec))!.AsObject();
        var (read, errors) = SpecJson.Parse(Reverse(root).ToJsonString());
        Assert.Empty(errors);
        Assert.Equal(SpecJson.Hash(Spec), SpecJson.Hash(read!));

        static JsonObject Reverse(JsonObject o) =>
            new(o.Reverse().Select(p => KeyValuePair.Create(p.Key, p.Value is JsonObject inner ? Reverse(inner) : p.Value?.DeepClone())));
    }

    [Fact]
    public void Hash_OneValueChanged_Differs() => Assert.NotEqual(SpecJson.Hash(Spec), SpecJson.Hash(Spec with { Seed = Spec.Seed + 1 }));

    [Fact]
    public void Parse_ManyMistakes_ReportsEachWithItsPath()
    {
        var (spec, errors) = SpecJson.Parse(
            """
            {
              "method": { "kind": "smt", "warmupIterations": "many", "ganForm": 1, "generatorNoiseFrom": -1 },
              "network": { "kind": "ddpmpp", "channelMultipliers": [1, 0, 2], "patch": 1.5, "colour": "red" },
              "data": { "kind": "cats" },
              "optimisation": { "batchSize": 0, "batchSize": 64, "generatorRate": 0, "Beta1": 0.5, "iterations": 99999999999 },
              "evaluation": { "everyIterations": null },
              "seed": 1e3
            }
            """
        );
        Assert.Null(spec);
        Assert.Equal(
            [
                "$.method.warmupIterations",
                "$.method.ganForm",
                "$.method.generatorNoiseFrom",
                "$.network.channelMultipliers[1]",
                "$.network.patch",
                "$.network.colour",
                "$.data.kind",
                "$.optimisation.batchSize",
                "$.optimisation.batchSize",
                "$.optimisation.generatorRate",
                "$.optimisation.Beta1",
                "$.optimisation.iterations",
                "$.evaluation.everyIterations",
                "$.seed",
                "$.hardware",
            ],
            errors.Select(e => e.Path)
        );
        Assert.Contains(errors, e => e.Message == "Batch size is 0; it must be from 1 to 65536.");
        Assert.Contains(errors, e => e.Message == "Appears more than once; keep one.");
        Assert.Contains(errors, e => e.Message == "Generator rate is 0; it must be above 0 and at most 1.");
        Assert.Contains(errors, e => e.Message == "There is no such setting; did you mean \"beta1\"?");
        Assert.Contains(errors, e => e.Message == "Warm-up iterations: expected a whole number, found \"many\".");
        Assert.Contains(
            errors,
            e =>
                e.Message
                == "Expected one of \"swissRoll\", \"fashionMnist\", \"cifar10\", \"imagenet64\", \"zip\", \"folder\", \"idx\", found "
                    + "\"cats\"."
        );
        Assert.Contains(errors, e => e.Message == "Iterations is 99999999999; it must be from 1 to 100000000.");
        Assert.Contains(errors, e => e.Message == "Hardware is missing.");
    }

    [Theory]
    [InlineData("", "$")]
    [InlineData("{", "$")]
    [InlineData("[]", "$")]
    [InlineData("null", "$")]
    [InlineData("{} {}", "$")]
    public void Parse_NoSpecAtAll_SaysSo(string text, string path)
    {
        var (spec, errors) = SpecJson.Parse(text);
        Assert.Null(spec);
        Assert.Equal(path, Assert.Single(errors).Path);
    }

    [Fact]
    public void Merge_PatchOfTwoMembers_ChangesOnlyThem()
    {
        using var patch = JsonDocument.Parse("""{ "optimisation": { "batchSize": 32 }, "method": { "ganForm": "paper" } }""");
        var (merged, errors) = SpecJson.Merge(Spec, patch.RootElement);
        Assert.Empty(errors);
        var expected = Spec with
        {
            Optimisation = Spec.Optimisation with { BatchSize = 32 },
            Method = (SmtSpec)Spec.Method with { GanForm = GanForm.Paper },
        };
        Assert.Equal(SpecJson.Write(expected), SpecJson.Write(merged!));
    }

    [Fact]
    public void Merge_OtherKind_StartsFromItsDefaults()
    {
        using var patch = JsonDocument.Parse("""{ "network": { "kind": "mlp", "hiddenLayers": 3 }, "data": { "kind": "swissRoll" } }""");
        var (merged, errors) = SpecJson.Merge(Spec, patch.RootElement);
        Assert.Empty(errors);
        Assert.Equal(new MlpSpec { HiddenLayers = 3 }, merged!.Network);
    }

    [Fact]
    public void Merge_PatchWithMistakes_ReportsPathsOfThePatch()
    {
        using var patch = JsonDocument.Parse("""{ "optimisation": { "batchSize": 0, "speed": 1 }, "network": { "hiddenWidth": 8 } }""");
        var (merged, errors) = SpecJson.Merge(Spec, patch.RootElement);
        Assert.Null(merged);
        Assert.Equal(["$.optimisation.batchSize", "$.optimisation.speed", "$.network.hiddenWidth"], errors.Select(e => e.Path));
    }
}
