using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Web.Tests.Api;

/// <summary>Forks by REST.</summary>
public sealed class ForkApiTests(SiteFixture site) : SiteTest(site)
{
    [Fact]
    public async Task Create_Fork_ChangesSettingsAndNamesItsParent()
    {
        using var program = await Site.ProgramAsync(LabRoles.Member);
        var parent = await Site.Runs.CreateAsync(
            new("parent", Presets.Find("swiss-roll")!.Spec.ForQuickTest(), "swiss-roll", 1000, "tester"),
            Ct
        );
        var database = Site.App.Services.GetRequiredService<RunsDatabase>();
        ClaimedRun claim;
        do
        {
            claim = (
                await Site.App.Services.GetRequiredService<RunQueue>().ClaimAsync(Guid.NewGuid(), "test", TimeSpan.FromMinutes(5), Ct)
            )!;
        } while (claim.RunId != parent);
        var writer = new AttemptWriter(database, parent, claim.Attempt);
        await using (var checkpoint = writer.Checkpoint(new(1, 16, 0.1, null, "test"), TimeSpan.FromMinutes(1)))
        {
            checkpoint.Write(new byte[100]);
            await checkpoint.CompleteAsync(Ct);
        }

        var made = await program.PostAsync(
            "/api/v1/runs",
            Json($$$$"""{"fork":{"run":{{{{parent}}}}},"spec":{"optimisation":{"generatorRate":1e-7}}}"""),
            Ct
        );
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        var run = await program.GetFromJsonAsync<JsonElement>(made.Headers.Location, Ct);
        var summary = run.GetProperty("summary");
        Assert.Equal(
            ("parent (fork)", parent, 1L),
            (
                summary.GetProperty("name").GetString(),
                summary.GetProperty("parentRunId").GetInt64(),
                summary.GetProperty("forkedAt").GetInt64()
            )
        );
        Assert.Equal(1e-7, run.GetProperty("spec").GetProperty("optimisation").GetProperty("generatorRate").GetDouble());
        Assert.Equal("parent", run.GetProperty("parentName").GetString());

        var refused = await program.PostAsync(
            "/api/v1/runs",
            Json($$$$"""{"fork":{"run":{{{{parent}}}}},"spec":{"network":{"hiddenWidth":77}}}"""),
            Ct
        );
        Assert.Contains("fit no other network", (await ErrorsAsync(refused))["$.spec.network.hiddenWidth"]);
    }
}
