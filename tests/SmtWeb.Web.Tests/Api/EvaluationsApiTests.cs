using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using SmtWeb.Runs;
using SmtWeb.Runs.Entities;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Web.Tests.Api;

/// <summary>Evaluations and neighbours by REST: what is asked wrongly is named, and nothing is queued for it.</summary>
public sealed class EvaluationsApiTests(SiteFixture site) : SiteTest(site)
{
    [Fact]
    public async Task Evaluations_WrongOrNotAllowed_AreNamedAndNotQueued()
    {
        using var member = await Site.ProgramAsync(LabRoles.Member);
        using var reviewer = await Site.ProgramAsync(LabRoles.Reviewer);
        var run = await Site.Runs.CreateAsync(
            new NewRun("never trained", Presets.Find("fashion-mnist-quick")!.Spec, null, -100, "tester"),
            Ct
        );
        foreach (
            var (client, address, status) in new[]
            {
                (member, $"/api/v1/runs/{run}/checkpoints/1/evaluations?protocol=edm-5k", HttpStatusCode.BadRequest),
                (member, $"/api/v1/runs/{run}/checkpoints/1/evaluations?protocol=", HttpStatusCode.BadRequest),
                (member, $"/api/v1/runs/{run}/checkpoints/1/evaluations?protocol=quick&steps=3", HttpStatusCode.BadRequest),
                (member, $"/api/v1/runs/{run}/checkpoints/1/evaluations?protocol=quick&steps=2", HttpStatusCode.NotFound),
                (member, $"/api/v1/runs/{run}/checkpoints/1/evaluations", HttpStatusCode.NotFound),
                (member, $"/api/v1/runs/{run}/checkpoints/-1/evaluations?protocol=quick", HttpStatusCode.NotFound),
                (member, $"/api/v1/runs/-3/checkpoints/{long.MaxValue}/evaluations", HttpStatusCode.NotFound),
                (reviewer, $"/api/v1/runs/{run}/checkpoints/1/evaluations", HttpStatusCode.Forbidden),
            }
        )
        {
            var answer = await client.PostAsync(address, null, Ct);
            Assert.True(status == answer.StatusCode, $"{address}: {answer.StatusCode} {await answer.Content.ReadAsStringAsync(Ct)}");
        }

        var wrong = await member.PostAsync($"/api/v1/runs/{run}/checkpoints/1/evaluations?protocol=%3Cscript%3E", null, Ct);
        var problem = (await wrong.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("errors").GetProperty("protocol")[0].GetString();
        Assert.Contains("quick, full-10k, edm-50k", problem);
        Assert.Equal(HttpStatusCode.NotFound, (await member.DeleteAsync($"/api/v1/runs/{run}/evaluation-jobs/-1", Ct)).StatusCode);
        Assert.Equal(0, (await reviewer.GetFromJsonAsync<JsonElement>($"/api/v1/runs/{run}/evaluation-jobs", Ct)).GetArrayLength());
        Assert.Equal(HttpStatusCode.NotFound, (await reviewer.GetAsync("/api/v1/runs/-1/evaluation-jobs", Ct)).StatusCode);
    }

    [Theory]
    [InlineData("count=0", HttpStatusCode.BadRequest)]
    [InlineData("count=-1", HttpStatusCode.BadRequest)]
    [InlineData("count=1000000000", HttpStatusCode.BadRequest)]
    [InlineData("seed=-1", HttpStatusCode.BadRequest)]
    [InlineData("label=-5", HttpStatusCode.BadRequest)]
    [InlineData("label=Sandalwood", HttpStatusCode.BadRequest)]
    [InlineData("label=Sandal", HttpStatusCode.NotFound)] // the run has no checkpoint to draw from
    public async Task Neighbours_AskedWrongly_AreRefused(string query, HttpStatusCode status)
    {
        using var reviewer = await Site.ProgramAsync(LabRoles.Reviewer);
        var run = await Site.Runs.CreateAsync(
            new NewRun("never trained", Presets.Find("fashion-mnist-quick")!.Spec, null, -100, "tester"),
            Ct
        );
        Assert.Equal(status, (await reviewer.GetAsync($"/api/v1/runs/{run}/neighbours?{query}", Ct)).StatusCode);
    }

    [Theory]
    [InlineData("../outside")]
    [InlineData("/etc")]
    [InlineData("a/../../etc")]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("a\\u0000b")]
    public async Task Datasets_PathsOutOfTheFolder_AreRefused(string path)
    {
        using var member = await Site.ProgramAsync(LabRoles.Member);
        var body = new StringContent($$"""{"name":"set-{{Guid.NewGuid():N}}","path":"{{path}}"}""", Encoding.UTF8, "application/json");
        var answer = await member.PostAsync("/api/v1/datasets", body, Ct);
        Assert.True(answer.StatusCode == HttpStatusCode.BadRequest, $"{path}: {answer.StatusCode}");
        Assert.Contains("$.path", await answer.Content.ReadAsStringAsync(Ct));
    }
}
