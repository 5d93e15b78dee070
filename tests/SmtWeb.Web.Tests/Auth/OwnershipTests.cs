using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Tests.Auth;

/// <summary>Whose runs one may change, and the way back out of the trash.</summary>
public sealed class OwnershipTests(SiteFixture site) : SiteTest(site)
{
    public static TheoryData<string, string, string?> Changes { get; } =
        new()
        {
            { "POST", "pause", null },
            { "POST", "resume", null },
            { "POST", "cancel", null },
            { "POST", "restore", null },
            { "PUT", "priority", """{"priority":900}""" },
            { "PUT", "name", """{"name":"taken over"}""" },
            { "DELETE", "", null },
        };

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task Run_OfAnother_IsChangedByNoMember(string method, string change, string? body)
    {
        var owner = await Site.UserAsync(LabRoles.Member);
        var run = await Site.RunOfAsync(owner);
        using var other = await Site.ProgramAsync(LabRoles.Member);
        using var request = new HttpRequestMessage(new HttpMethod(method), $"/api/v1/runs/{run}/{change}".TrimEnd('/'))
        {
            Content = body is null ? null : Json(body),
        };
        var problem = await ProblemAsync(await other.SendAsync(request, Ct), HttpStatusCode.Forbidden);
        Assert.Contains(owner.Name, problem.GetProperty("detail").GetString());
        var untouched = (await Site.Runs.FindAsync(run, Ct))!.Summary;
        Assert.Equal((RunState.Queued, "run", 0), (untouched.State, untouched.Name, untouched.Priority));
    }

    [Fact]
    public async Task Run_OfAnother_IsChangedByAdministrator_ButNotByAKeyWithoutTheScope()
    {
        var run = await Site.RunOfAsync(await Site.UserAsync(LabRoles.Member));
        var admin = await Site.UserAsync(LabRoles.Admin);
        using var weak = await Site.ProgramOfAsync(admin.Id, KeyScopes.Read, KeyScopes.Run);
        await ProblemAsync(await weak.PostAsync($"/api/v1/runs/{run}/pause", null, Ct), HttpStatusCode.Forbidden);
        using var strong = await Site.ProgramOfAsync(admin.Id, KeyScopes.Run, KeyScopes.Administer);
        Assert.Equal(HttpStatusCode.Accepted, (await strong.PostAsync($"/api/v1/runs/{run}/pause", null, Ct)).StatusCode);
        using var person = await Site.SignedInAsync(admin.Id);
        Assert.Equal(HttpStatusCode.Accepted, (await person.PostAsync($"/api/v1/runs/{run}/resume", null, Ct)).StatusCode);
    }

    [Fact]
    public async Task Run_OfTheLab_IsChangedByAdministratorsOnly()
    {
        var run = await Site.Runs.CreateAsync(
            new NewRun("quick", SmtWeb.Smt.Specs.Presets.Find("swiss-roll")!.Spec, "swiss-roll", 0, "quickstart"),
            Ct
        );
        using var member = await Site.ProgramAsync(LabRoles.Member);
        var problem = await ProblemAsync(await member.DeleteAsync($"/api/v1/runs/{run}", Ct), HttpStatusCode.Forbidden);
        Assert.Contains("belongs to the lab", problem.GetProperty("detail").GetString());
        using var admin = await Site.ProgramAsync(LabRoles.Admin);
        Assert.Equal(HttpStatusCode.NoContent, (await admin.DeleteAsync($"/api/v1/runs/{run}", Ct)).StatusCode);
    }

    [Fact]
    public async Task Run_InAnOpenLab_IsChangedByEveryMember_ButByNoReviewer()
    {
        await using var node = Site.Build(options: o => o with { OpenLab = true });
        await node.StartAsync(Ct);
        var run = await Site.RunOfAsync(await Site.UserAsync(LabRoles.Member));
        using var member = await Site.ProgramAsync(LabRoles.Member);
        member.BaseAddress = new Uri(node.Urls.First());
        Assert.Equal(HttpStatusCode.Accepted, (await member.PostAsync($"/api/v1/runs/{run}/pause", null, Ct)).StatusCode);
        using var reviewer = await Site.ProgramAsync(LabRoles.Reviewer);
        reviewer.BaseAddress = member.BaseAddress;
        await ProblemAsync(await reviewer.PostAsync($"/api/v1/runs/{run}/resume", null, Ct), HttpStatusCode.Forbidden);
        await node.StopAsync(Ct);
    }

    [Fact]
    public async Task Dataset_OfAnother_IsForgottenByItsOwnerOnly()
    {
        using var owner = await Site.ProgramAsync(LabRoles.Member);
        var name = $"set-{Guid.NewGuid():N}";
        var made = await owner.PostAsync("/api/v1/datasets", Json($$"""{"name":"{{name}}","path":"{{name}}.zip"}"""), Ct);
        using var other = await Site.ProgramAsync(LabRoles.Member);
        await ProblemAsync(await other.DeleteAsync(made.Headers.Location, Ct), HttpStatusCode.Forbidden);
        Assert.Equal(HttpStatusCode.NoContent, (await owner.DeleteAsync(made.Headers.Location, Ct)).StatusCode);
    }

    [Fact]
    public async Task Deleted_Run_IsGoneEverywhere_AndComesBackAsItWas()
    {
        var user = await Site.UserAsync(LabRoles.Member);
        var run = await Site.RunOfAsync(user, "to and fro");
        using var program = await Site.ProgramOfAsync(user.Id);
        Assert.Equal(HttpStatusCode.NoContent, (await program.DeleteAsync($"/api/v1/runs/{run}", Ct)).StatusCode);
        foreach (
            var path in new[]
            {
                "",
                "/metrics",
                "/pictures",
                "/pictures/1.png",
                "/checkpoints",
                "/checkpoints/1",
                "/events",
                "/evaluations",
                "/evaluation-jobs",
            }
        )
        {
            await ProblemAsync(await program.GetAsync($"/api/v1/runs/{run}{path}", Ct), HttpStatusCode.NotFound);
        }

        foreach (var change in new[] { "pause", "resume", "cancel" })
        {
            await ProblemAsync(await program.PostAsync($"/api/v1/runs/{run}/{change}", null, Ct), HttpStatusCode.NotFound);
        }

        Assert.DoesNotContain(await Site.Runs.ListAsync(Ct), r => r.Id == run);
        var trash = await program.GetFromJsonAsync<JsonElement>("/api/v1/trash", Ct);
        var line = trash.EnumerateArray().Single(t => t.GetProperty("run").GetProperty("id").GetInt64() == run);
        Assert.Equal(user.Name, line.GetProperty("deletedBy").GetString());
        Assert.Equal(7, (line.GetProperty("keptUntil").GetDateTimeOffset() - line.GetProperty("deleted").GetDateTimeOffset()).TotalDays);

        var back = await program.PostAsync($"/api/v1/runs/{run}/restore", null, Ct);
        Assert.Equal("queued", (await back.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("state").GetString());
        Assert.Contains(await Site.Runs.ListAsync(Ct), r => r.Id == run && r.Name == "to and fro");
        await ProblemAsync(await program.PostAsync($"/api/v1/runs/{run}/restore", null, Ct), HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Deleted_ForGood_OnlyFromTheTrashAndByItsOwner()
    {
        var user = await Site.UserAsync(LabRoles.Member);
        var run = await Site.RunOfAsync(user);
        using var program = await Site.ProgramOfAsync(user.Id);
        await ProblemAsync(await program.DeleteAsync($"/api/v1/trash/{run}", Ct), HttpStatusCode.NotFound);
        await program.DeleteAsync($"/api/v1/runs/{run}", Ct);
        using var other = await Site.ProgramAsync(LabRoles.Member);
        await ProblemAsync(await other.DeleteAsync($"/api/v1/trash/{run}", Ct), HttpStatusCode.Forbidden);
        Assert.Equal(HttpStatusCode.NoContent, (await program.DeleteAsync($"/api/v1/trash/{run}", Ct)).StatusCode);
        await ProblemAsync(await program.PostAsync($"/api/v1/runs/{run}/restore", null, Ct), HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Bulk_TellsOfEachRun_AndPassesOverThoseOfOthers()
    {
        var user = await Site.UserAsync(LabRoles.Member);
        var (mine, theirs) = (await Site.RunOfAsync(user), await Site.RunOfAsync(await Site.UserAsync(LabRoles.Member)));
        using var program = await Site.ProgramOfAsync(user.Id);
        var answer = await program.PostAsync(
            "/api/v1/runs/bulk",
            Json($$"""{"runs":[{{mine}},{{theirs}},999999,{{mine}}],"change":"delete"}"""),
            Ct
        );
        var outcomes = (await answer.Content.ReadFromJsonAsync<JsonElement>(Ct)).EnumerateArray().ToList();
        Assert.Equal(
            [(mine, true), (theirs, false), (999999, false)],
            outcomes.Select(o => (o.GetProperty("run").GetInt64(), o.GetProperty("done").GetBoolean()))
        );
        Assert.All(outcomes.Skip(1), o => Assert.NotEmpty(o.GetProperty("problem").GetString()!));
        Assert.NotNull(await Site.Runs.FindAsync(theirs, Ct));
        await program.PostAsync("/api/v1/runs/bulk", Json($$"""{"runs":[{{mine}}],"change":"restore"}"""), Ct);
        Assert.Equal(RunState.Queued, (await Site.Runs.FindAsync(mine, Ct))!.Summary.State);
    }
}
