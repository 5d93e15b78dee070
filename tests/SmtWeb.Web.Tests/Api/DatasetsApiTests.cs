using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;
using SmtWeb.Runs.Datasets;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Queue;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Tests.Api;

/// <summary>Data sets by REST and as pages: who may do what, and what is told.</summary>
public sealed class DatasetsApiTests(SiteFixture site) : SiteTest(site)
{
    [Fact]
    public async Task Register_AsMember_IsListedAndTellsWhatIsWrong()
    {
        using var program = await Site.ProgramAsync(LabRoles.Member);
        using var reviewer = await Site.ProgramAsync(LabRoles.Reviewer);
        var name = $"set-{Guid.NewGuid():N}";
        var body = $$"""{"name":"{{name}}","path":"{{name}}.zip"}""";
        Assert.Equal(HttpStatusCode.Forbidden, (await reviewer.PostAsync("/api/v1/datasets", Json(body), Ct)).StatusCode);
        var made = await program.PostAsync("/api/v1/datasets", Json(body), Ct);
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        var again = await program.PostAsync("/api/v1/datasets", Json(body), Ct);
        Assert.Equal(HttpStatusCode.BadRequest, again.StatusCode);
        Assert.Contains("$.name", await again.Content.ReadAsStringAsync(Ct));

        var listed = await reviewer.GetFromJsonAsync<JsonElement>("/api/v1/datasets", Ct);
        Assert.Equal(["swissRoll", "fashionMnist"], listed.EnumerateArray().Take(2).Select(d => d.GetProperty("kind").GetString()));
        Assert.Contains(
            listed.EnumerateArray(),
            d => d.GetProperty("name").GetString() == name && d.GetProperty("state").GetString() == "queued"
        );

        var spec = $$"""{"data":{"kind":"zip","source":"{{name}}"} }""";
        var run = await program.PostAsync("/api/v1/runs", Json($$"""{"preset":"fashion-mnist-quick","spec":{{spec}} }"""), Ct);
        Assert.Equal(HttpStatusCode.BadRequest, run.StatusCode);
        Assert.Contains("$.spec.data.source", await run.Content.ReadAsStringAsync(Ct));
        Assert.Equal(HttpStatusCode.NotFound, (await reviewer.GetAsync($"{made.Headers.Location}/samples.png", Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await program.DeleteAsync(made.Headers.Location, Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await program.GetAsync(made.Headers.Location, Ct)).StatusCode);
    }

    [Fact]
    public async Task ImageNetClasses_AreAThousandWithTheirSynsets()
    {
        using var reviewer = await Site.ProgramAsync(LabRoles.Reviewer);
        var classes = (await reviewer.GetFromJsonAsync<JsonElement>("/api/v1/imagenet-classes", Ct)).EnumerateArray().ToList();
        Assert.Equal(1000, classes.Count);
        Assert.Equal((207, "n02099601"), (classes[207].GetProperty("label").GetInt32(), classes[207].GetProperty("synset").GetString()));
    }

    [Fact]
    public async Task Samples_OfACheckedSet_ArePng()
    {
        var (store, checks) = (Site.App.Services.GetRequiredService<DatasetStore>(), Site.App.Services.GetRequiredService<DatasetChecks>());
        var name = $"set-{Guid.NewGuid():N}";
        var id = await store.RegisterAsync(new(name, name, "", false, 0, "tester"), Ct);
        var items = Site.App.Services.GetRequiredService<WorkItems>();
        ClaimedItem? work;
        do
        {
            // sets of other tests wait as well
            work = await items.ClaimAsync([JobQueues.Datasets], "test", TimeSpan.FromMinutes(1), ct: Ct);
            Assert.NotNull(work);
        } while (work.Subject != id);
        var check = await checks.BeginAsync(work, Ct);
        Assert.NotNull(check);
        var report = new DatasetReport("folder", name, new string('b', 64), 10, 4, 8, 1, 2, ["a", "b"], [2, 2], 0, [], 2, [0, 0, 1, 1]);
        Assert.True(await checks.CompleteAsync(check, report, new Raster(16, 16, 1, new byte[256]).ToPng(), Ct));
        using var reviewer = await Site.ProgramAsync(LabRoles.Reviewer);
        Assert.Equal(
            "image/png",
            (await reviewer.GetAsync($"/api/v1/datasets/{id}/samples.png", Ct)).Content.Headers.ContentType!.MediaType
        );
        // as the page asks for it
        Assert.Equal(HttpStatusCode.OK, (await reviewer.GetAsync(PanelLinks.DatasetSamples(id, DateTimeOffset.UtcNow), Ct)).StatusCode);
        foreach (var (page, text) in new[] { ("/datasets", name), ($"/datasets/{id}", "SHA-256") })
        {
            Assert.Contains(text, await reviewer.GetStringAsync(page, Ct));
        }

        await store.DeleteAsync(id, Ct);
    }

    [Theory]
    [InlineData("207", 207)]
    [InlineData("n02099601", 207)]
    [InlineData("GOLDEN retriever", 207)]
    [InlineData("retriever golden", 207)]
    public void Search_ByNumberSynsetOrWords_FindsTheClassFirst(string text, int label) =>
        Assert.Equal(label, ClassChoice.Search(ClassChoice.Of(ImageNetClasses.Names, imageNet: true), text)[0].Index);
}
