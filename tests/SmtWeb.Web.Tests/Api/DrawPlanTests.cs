using System.Text.Json;
using SmtWeb.Data.Settings;
using SmtWeb.Web.Api;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Web.Tests.Api;

/// <summary>What a generation request means, and all that can be wrong with it.</summary>
public sealed class DrawPlanTests
{
    [Fact]
    public void Make_SeedAndLabel_GoUpByOneAndStayTheSame()
    {
        var (plan, errors) = Plan("""{"model": 3, "num_images": 3, "seed": 18446744073709551613, "class_label": 7}""");
        Assert.Empty(errors);
        Assert.Equal((3, null), (plan!.RunId, plan.CheckpointId));
        Assert.Equal([ulong.MaxValue - 2, ulong.MaxValue - 1, ulong.MaxValue], plan.Seeds);
        Assert.Equal([7, 7, 7], plan.Labels);
    }

    [Theory]
    [InlineData("""{"model": 1}""", null)]
    [InlineData("""{"model": 1, "num_steps": 2}""", 2)]
    public void Make_Steps_ArePassedOn(string json, int? steps)
    {
        var (plan, errors) = Plan(json);
        Assert.Empty(errors);
        Assert.Equal(steps, plan!.Steps);
    }

    [Theory]
    [InlineData("""{"model": "12"}""", 12, null, 1)]
    [InlineData("""{"model": {"run": 3, "checkpoint": 17}, "seeds": [5, "6"]}""", 3, 17L, 2)]
    [InlineData("""{"model": 1, "class_labels": [1, 2, 3]}""", 1, null, 3)]
    public void Make_ModelsAndCounts_AreUnderstood(string json, long run, long? checkpoint, int count)
    {
        var (plan, errors) = Plan(json);
        Assert.Empty(errors);
        Assert.Equal((run, checkpoint, count), (plan!.RunId, plan.CheckpointId, plan.Seeds.Count));
    }

    [Theory]
    [InlineData("""{"model": 1, "seed": 18446744073709551616}""", "$.seed", "18446744073709551616")]
    [InlineData("""{"model": 1, "seed": 18446744073709551615, "num_images": 2}""", "$.seed", "beyond 18446744073709551615")]
    [InlineData("""{"model": 1, "seeds": [1, -1]}""", "$.seeds[1]", "-1")]
    [InlineData("""{"model": 1, "seed": 1.5}""", "$.seed", "1.5")]
    [InlineData("""{"model": 1, "num_images": -4}""", "$.num_images", "-4 is not a whole number from 1 to 1024")]
    [InlineData("""{"model": 1, "num_images": 1025}""", "$.num_images", "1025")]
    [InlineData("""{"model": 1, "num_images": 3, "seeds": [1]}""", "$.seeds", "1 seeds for 3 images")]
    [InlineData("""{"model": 1, "seed": 1, "seeds": [1]}""", "$.seeds", "not both")]
    [InlineData("""{"model": 1, "class_label": 1.5}""", "$.class_label", "1.5 is not the number or the name of a class")]
    [InlineData("""{"model": 1, "class_labels": [1, null]}""", "$.class_labels[1]", "null is not the number or the name of a class")]
    [InlineData("""{"model": 1, "num_steps": 8}""", "$.num_steps", "8 is not a whole number from 1 to 4")]
    [InlineData("""{"model": 1, "output_format": "jpeg"}""", "$.output_format", "none of png, grid")]
    [InlineData("""{"model": "best"}""", "$.model", "give the id of a run")]
    [InlineData("""{"model": {"run": 0, "step": 1}}""", "$.model.run", "0")]
    [InlineData("""{"model": {"run": 1, "step": 1}}""", "$.model.step", "Unknown member")]
    [InlineData("""{}""", "$.model", "missing")]
    public void Make_WrongMember_IsNamedWithItsValue(string json, string path, string message)
    {
        var (plan, errors) = Plan(json);
        Assert.Null(plan);
        Assert.Contains(errors, e => e.Path == path && e.Message.Contains(message));
    }

    [Fact]
    public void Make_ManyErrors_AreAllNamed()
    {
        var (_, errors) = Plan("""{"modle": 1, "num_images": 0, "seed": "x", "class_label": true, "seed": 1}""");
        Assert.Equal(
            ["$.class_label", "$.model", "$.modle", "$.num_images", "$.seed", "$.seed"],
            errors.Select(e => e.Path).Order(StringComparer.Ordinal)
        );
    }

    [Theory]
    [InlineData("""{"model": 1, "class_label": "cat"}""", new[] { 1 })]
    [InlineData("""{"model": 1, "class_label": "CAT", "num_images": 2}""", new[] { 1, 1 })]
    // a number is a number, a string a name
    [InlineData("""{"model": 1, "class_labels": [2, "2", "10", "0", "name:2"]}""", new[] { 2, 4, 2, 0, 4 })]
    public void WithClasses_NamesAndNumbers_AreToldApart(string json, int[] labels)
    {
        var body = StrictBody<DrawRequest>.Parse(JsonDocument.Parse(json).RootElement);
        var errors = new List<SpecError>();
        var model = new GenerationModel(1, 17, 100, 5, ["0", "cat", "10", "100", "2"], [1]);
        Assert.True(DrawPlan.NamesClasses(body.Value!));
        var plan = DrawPlan.WithClasses(DrawPlan.Make(body.Value!, errors)!, body.Value!, model, errors);
        Assert.Empty(errors);
        Assert.Equal(labels, plan.Labels);
        Assert.Equal(17, plan.CheckpointId); // the names are those of this checkpoint
    }

    [Fact]
    public void WithClasses_NoSuchName_SaysWhichThereAre()
    {
        var body = StrictBody<DrawRequest>.Parse(JsonDocument.Parse("""{"model": 1, "class_labels": ["cat", "dgo"]}""").RootElement);
        var errors = new List<SpecError>();
        DrawPlan.WithClasses(
            DrawPlan.Make(body.Value!, errors)!,
            body.Value!,
            new GenerationModel(1, 17, 100, 2, ["cat", "dog"], [1]),
            errors
        );
        var error = Assert.Single(errors);
        Assert.Equal("$.class_labels[1]", error.Path);
        Assert.Contains("0 (cat), 1 (dog)", error.Message);
    }

    private static (GenerationRequest? Plan, List<SpecError> Errors) Plan(string json)
    {
        var body = StrictBody<DrawRequest>.Parse(JsonDocument.Parse(json).RootElement);
        return (DrawPlan.Make(body.Value!, body.Errors), body.Errors);
    }
}
