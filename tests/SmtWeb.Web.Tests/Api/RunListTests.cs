using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Web.Tests.Api;

/// <summary>The list of runs: what is asked for, a page at a time.</summary>
public sealed class RunListTests(SiteFixture site) : SiteTest(site)
{
    [Fact]
    public async Task Pages_FollowTheirLinks_AndTogetherAreTheWhole()
    {
        var user = await Site.UserAsync(LabRoles.Member);
        var ids = new List<long>();
        for (var i = 0; i < 7; i++)
        {
            ids.Insert(0, await Site.RunOfAsync(user, $"page {i}"));
        }

        using var program = await Site.ProgramOfAsync(user.Id);
        var (seen, next, pages) = (new List<long>(), (string?)$"/api/v1/runs?limit=3&q={user.Name}", 0);
        while (next is not null)
        {
            var answer = await program.GetAsync(next, Ct);
            var page = (await answer.Content.ReadFromJsonAsync<JsonElement>(Ct))
                .EnumerateArray()
                .Select(r => r.GetProperty("id").GetInt64())
                .ToList();
            Assert.InRange(page.Count, 0, 3);
            seen.AddRange(page);
            next = answer.Headers.TryGetValues("Link", out var link)
                ? Regex.Match(link.Single(), "^<(/api/v1/runs[^>]+)>; rel=\"next\"$").Groups[1].Value
                : null;
            pages++;
            await Site.RunOfAsync(user, "came meanwhile"); // and moves nothing
        }

        Assert.Equal(ids, seen);
        Assert.Equal(3, pages);
    }

    [Fact]
    public async Task States_AndWords_ChooseRuns()
    {
        var user = await Site.UserAsync(LabRoles.Member);
        var (waits, paused, percent) = (
            await Site.RunOfAsync(user, "Alpha tango"),
            await Site.RunOfAsync(user, "beta TANGO"),
            await Site.RunOfAsync(user, "100% sure_thing")
        );
        await Site.Runs.PauseAsync(paused, user.Name, Ct);
        using var program = await Site.ProgramOfAsync(user.Id);
        Assert.Equal([waits, percent], await IdsAsync("state=queued"));
        Assert.Equal([waits, paused, percent], await IdsAsync("state=queued,paused"));
        Assert.Equal([paused], await IdsAsync("state=paused&q=tango"));
        Assert.Equal([waits, paused], await IdsAsync("q=TANGO"));
        Assert.Equal([waits], await IdsAsync("q=tango alpha"));
        Assert.Equal([percent], await IdsAsync("q=0%25 s"));
        Assert.Equal([], await IdsAsync("q=1_0"));
        Assert.Equal([paused], await IdsAsync($"q=%23{paused}"));

        async Task<List<long>> IdsAsync(string query)
        {
            var (mine, separator) = (user.Name, query.Contains("q=", StringComparison.Ordinal) ? " " : "&q=");
            var runs = await program.GetFromJsonAsync<JsonElement>($"/api/v1/runs?{query}{separator}{mine}", Ct);
            return [.. runs.EnumerateArray().Select(r => r.GetProperty("id").GetInt64()).Order()];
        }
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=1001", "limit")]
    [InlineData("state=dancing", "state")]
    [InlineData("state=queued,Queued", "state")]
    [InlineData("cursor=zzz", "cursor")]
    [InlineData("cursor=-1", "cursor")]
    [InlineData("q=%00", "q")]
    public async Task Query_ThatMeansNothing_IsNamed(string query, string name)
    {
        using var program = await Site.ProgramAsync(LabRoles.Reviewer);
        Assert.Equal([name], (await ErrorsAsync(await program.GetAsync($"/api/v1/runs?{query}", Ct))).Keys);
    }

    [Theory]
    [InlineData("a\\u202eb")]
    [InlineData("a\\nb")]
    [InlineData("a\\u001b[2Jb")]
    [InlineData("\\u3164")]
    [InlineData("a\\u00adb")]
    public async Task Name_WithWhatIsNotSeen_IsRefusedForNewRunsAndNewNames(string name)
    {
        var user = await Site.UserAsync(LabRoles.Member);
        using var program = await Site.ProgramOfAsync(user.Id);
        Assert.Equal(
            ["$.name"],
            (await ErrorsAsync(await program.PostAsync("/api/v1/runs", Json($$"""{"preset":"swiss-roll","name":"{{name}}"}"""), Ct))).Keys
        );
        var run = await Site.RunOfAsync(user);
        Assert.Equal(
            ["$.name"],
            (await ErrorsAsync(await program.PutAsync($"/api/v1/runs/{run}/name", Json($$"""{"name":"{{name}}"}"""), Ct))).Keys
        );
        Assert.Equal(
            ["$.name"],
            (await ErrorsAsync(await program.PostAsync("/api/v1/datasets", Json($$"""{"name":"{{name}}","path":"a.zip"}"""), Ct))).Keys
        );
    }
}
