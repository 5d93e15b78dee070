using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using SmtWeb.Runs.Entities;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Web.Tests.Api;

/// <summary>Runs by REST: what is right, and everything that is wrong said at once.</summary>
public sealed class RunsApiTests(SiteFixture site) : SiteTest(site)
{
    [Fact]
    public async Task Create_FromPresetWithChanges_StoresTheWholeSpec()
    {
        using var program = await Site.ProgramAsync(LabRoles.Member);
        var made = await program.PostAsync(
            "/api/v1/runs",
            Json("""{"preset":"swiss-roll","name":"mine","priority":7,"spec":{"optimisation":{"iterations":1234},"seed":42}}"""),
            Ct
        );
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        var run = await program.GetFromJsonAsync<JsonElement>(made.Headers.Location, Ct);
        var summary = run.GetProperty("summary");
        Assert.Equal("mine", summary.GetProperty("name").GetString());
        Assert.Equal("queued", summary.GetProperty("state").GetString());
        Assert.Equal(7, summary.GetProperty("priority").GetInt32());
        Assert.Equal("swiss-roll", summary.GetProperty("preset").GetString());
        var (spec, errors) = SpecJson.Parse(run.GetProperty("spec"));
        Assert.Empty(errors);
        var preset = Presets.Find("swiss-roll")!.Spec;
        Assert.Equal(
            SpecJson.Write(preset with { Seed = 42, Optimisation = preset.Optimisation with { Iterations = 1234 } }),
            SpecJson.Write(spec!)
        );
    }

    [Fact]
    public async Task Create_FromWholeSpec_IsQueued()
    {
        using var program = await Site.ProgramAsync(LabRoles.Member);
        var spec = SpecJson.Write(Presets.Find("fashion-mnist-quick")!.Spec);
        var made = await program.PostAsync("/api/v1/runs", Json($$"""{"spec":{{spec}}}"""), Ct);
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
    }

    [Fact]
    public async Task Create_ManyErrors_AreAllNamedByPath()
    {
        using var program = await Site.ProgramAsync(LabRoles.Member);
        var errors = await ErrorsAsync(
            await program.PostAsync(
                "/api/v1/runs",
                Json(
                    """
                    {
                      "preset": "swiss-roll", "preset": "swiss-roll", "color": "red", "priority": 100000, "name": 5,
                      "spec": {
                        "optimisation": { "batchSize": -3, "iterations": "many", "momentum": 1 },
                        "network": { "kind": "mlp", "hiddenWidth": 128, "hiddenWidth": 64 },
                        "evaluation": { "samples": 1e99 }
                      }
                    }
                    """
                ),
                Ct
            )
        );
        Assert.Equal(
            new[]
            {
                "$.color",
                "$.name",
                "$.preset",
                "$.priority",
                "$.spec.evaluation.samples",
                "$.spec.network.hiddenWidth",
                "$.spec.optimisation.batchSize",
                "$.spec.optimisation.iterations",
                "$.spec.optimisation.momentum",
            },
            errors.Keys.Order(StringComparer.Ordinal)
        );
        Assert.Contains("-3", errors["$.spec.optimisation.batchSize"]);
        Assert.Contains("twice", errors["$.preset"]);
    }

    [Theory]
    [InlineData("{}", "$", "Either 'preset' or 'spec'")]
    [InlineData("{\"fork\":{}}", "$.fork.run", "missing")]
    [InlineData("{\"fork\":{\"run\":0}}", "$.fork.run", "is not a whole number")]
    [InlineData("{\"fork\":{\"run\":99999}}", "$.fork.run", "does not exist")]
    [InlineData("{\"preset\":\"swiss-roll\",\"fork\":{\"run\":99999}}", "$.preset", "either 'preset' or 'fork'")]
    [InlineData("{\"preset\":\"nope\"}", "$.preset", "swiss-roll, fashion-mnist-quick")]
    [InlineData("{\"spec\":{}}", "$.spec.method", "")]
    [InlineData("[1]", "$", "is not an object")]
    [InlineData("{\"preset\":", "$", "This is not JSON (line 1")]
    [InlineData("", "$", "This is not JSON")]
    public async Task Create_UnusableBody_NamesWhatIsMissing(string body, string path, string message)
    {
        using var program = await Site.ProgramAsync(LabRoles.Member);
        var errors = await ErrorsAsync(await program.PostAsync("/api/v1/runs", Json(body), Ct));
        Assert.Contains(message, errors[path]);
    }

    [Theory]
    [InlineData("""{"preset":"swiss-roll","name":"a\u0000b"}""", "$.name")] // PostgreSQL stores no NUL
    [InlineData("""{"preset":"swiss-roll","name":"a\ud800b"}""", "$.name")] // half a pair
    [InlineData("""{"preset":"swiss-roll","name":"ÿ"}""", "$.name")] // one byte in Latin-1: not UTF-8
    [InlineData("""{"preset":"swiss-roll","na\u0000me":"x"}""", "$")]
    [InlineData("""{"preset":"swiss-roll","spec":{"data":{"kind":"\ud800"}}}""", "$.spec.data.kind")]
    public async Task Create_TextThatIsNone_IsRefusedByPath(string body, string path)
    {
        using var program = await Site.ProgramAsync(LabRoles.Member);
        using var content = new ByteArrayContent(Encoding.Latin1.GetBytes(body)) { Headers = { ContentType = new("application/json") } };
        var errors = await ErrorsAsync(await program.PostAsync("/api/v1/runs", content, Ct));
        Assert.Contains("no text", errors[path]);
    }

    [Fact]
    public async Task Body_OfTenMegabytes_IsRefusedWith413()
    {
        using var program = await Site.ProgramAsync(LabRoles.Member);
        var problem = await ProblemAsync(
            await program.PostAsync("/api/v1/runs", Json("{\"name\":\"" + new string('x', 10_000_000) + "\"}"), Ct),
            HttpStatusCode.RequestEntityTooLarge
        );
        Assert.Contains("4194304", problem.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task Body_OfAnotherType_IsRefusedWith415()
    {
        using var program = await Site.ProgramAsync(LabRoles.Member);
        using var form = new StringContent("preset=swiss-roll", Encoding.UTF8, "application/x-www-form-urlencoded");
        await ProblemAsync(await program.PostAsync("/api/v1/runs", form, Ct), HttpStatusCode.UnsupportedMediaType);
    }

    [Fact]
    public async Task Run_ThatDoesNotExist_IsProblem404Everywhere()
    {
        using var program = await Site.ProgramAsync(LabRoles.Member);
        foreach (
            var path in new[]
            {
                "",
                "/metrics",
                "/metrics?format=csv",
                "/evaluations",
                "/pictures",
                "/pictures/1.png",
                "/checkpoints",
                "/checkpoints/1",
                "/events",
            }
        )
        {
            await ProblemAsync(await program.GetAsync($"/api/v1/runs/999999{path}", Ct), HttpStatusCode.NotFound);
        }

        foreach (var change in new[] { "pause", "resume", "cancel" })
        {
            await ProblemAsync(await program.PostAsync($"/api/v1/runs/999999/{change}", null, Ct), HttpStatusCode.NotFound);
        }

        await ProblemAsync(await program.DeleteAsync("/api/v1/runs/999999", Ct), HttpStatusCode.NotFound);
        await ProblemAsync(await program.GetAsync("/api/v1/walks", Ct), HttpStatusCode.NotFound);
        await ProblemAsync(await program.PutAsync("/api/v1/presets", null, Ct), HttpStatusCode.MethodNotAllowed);
    }

    [Fact]
    public async Task Changes_OfAQueuedRun_FollowItsStates()
    {
        using var program = await Site.ProgramAsync(LabRoles.Member);
        var made = await program.PostAsync("/api/v1/runs", Json("""{"preset":"swiss-roll"}"""), Ct);
        var run = made.Headers.Location!.OriginalString;
        Assert.Equal("paused", await StateAfterAsync(await program.PostAsync(run + "/pause", null, Ct)));
        Assert.Equal("queued", await StateAfterAsync(await program.PostAsync(run + "/resume", null, Ct)));
        Assert.Equal("queued", await StateAfterAsync(await program.PutAsync(run + "/priority", Json("""{"priority":-5}"""), Ct)));
        Assert.Equal("cancelled", await StateAfterAsync(await program.PostAsync(run + "/cancel", null, Ct)));
        var late = await ProblemAsync(await program.PostAsync(run + "/pause", null, Ct), HttpStatusCode.Conflict);
        Assert.NotEmpty(late.GetProperty("detail").GetString()!);
        var events = await program.GetFromJsonAsync<JsonElement>(run + "/events", Ct);
        Assert.Contains(events.EnumerateArray(), e => e.GetProperty("state").GetString() == "paused");
        Assert.Equal(HttpStatusCode.NoContent, (await program.DeleteAsync(run, Ct)).StatusCode);
        await ProblemAsync(await program.GetAsync(run, Ct), HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData("metrics?limit=0")]
    [InlineData("metrics?limit=100001")]
    [InlineData("metrics?format=xml")]
    [InlineData("events?limit=-1")]
    public async Task Query_OutOfRange_IsRefused(string query)
    {
        using var program = await Site.ProgramAsync(LabRoles.Reviewer);
        Assert.Single(await ErrorsAsync(await program.GetAsync($"/api/v1/runs/1/{query}", Ct)));
    }

    [Fact]
    public async Task Query_Mistyped_IsProblem400()
    {
        using var program = await Site.ProgramAsync(LabRoles.Reviewer);
        await ProblemAsync(await program.GetAsync("/api/v1/runs/1/metrics?after=yesterday", Ct), HttpStatusCode.BadRequest);
    }

    private static async Task<string?> StateAfterAsync(HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync(Ct);
        Assert.True(answer.StatusCode == HttpStatusCode.Accepted, text);
        return JsonDocument.Parse(text).RootElement.GetProperty("state").GetString();
    }
}
