using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;
using SmtWeb.Worker;

namespace SmtWeb.Web.Tests.Api;

/// <summary>Large generations over HTTP: queued, drawn as jobs, fetched as a zip.</summary>
public sealed class GenerationBatchesApiTests(SiteFixture site) : SiteTest(site)
{
    private const string Path = "/api/v1/generation-batches";

    [Fact]
    public async Task Batch_Queued_IsDrawnInTheBackgroundFetchedAndRemoved()
    {
        using var open = new ManualResetEventSlim(true);
        await using var node = await Site.FreshAsync(adjust: builder => builder.Services.AddGeneration(_ => new GatedGenerator(open)));
        var (run, writer) = await Site.TrainingRunAsync("fashion-mnist-quick", node);
        await GenerationsApiTests.CheckpointAsync(writer, [1]);
        using var ada = await ProgramAsync(node, "ada");
        using var bob = await ProgramAsync(node, "bob");

        using var queued = await ada.PostAsync(
            Path,
            Json($$"""{"model":{{run}},"num_images":150,"seed":"9223372036854775000","class_label":3}"""),
            Ct
        );
        Assert.Equal(HttpStatusCode.Accepted, queued.StatusCode);
        var where = queued.Headers.Location!.OriginalString;
        var batch = await UntilDoneAsync(ada, where);
        Assert.Equal(
            (150, 150, "ada"),
            (batch.GetProperty("images").GetInt32(), batch.GetProperty("drawn").GetInt32(), batch.GetProperty("by").GetString())
        );

        using var zip = new ZipArchive(new MemoryStream(await bob.GetByteArrayAsync(where + "/images", Ct)));
        Assert.Equal(151, zip.Entries.Count);
        Assert.Equal("batch.json", zip.Entries[0].FullName);
        Assert.Equal("00149-seed-9223372036854775149-class-3.png", zip.Entries[^1].FullName);
        await using (var image = await zip.Entries[1].OpenAsync(Ct))
        {
            var begin = new byte[4];
            await image.ReadExactlyAsync(begin, Ct);
            Assert.Equal("PNG"u8.ToArray(), begin[1..]);
        }

        Assert.Equal(1, (await ada.GetFromJsonAsync<JsonElement>(Path, Ct)).GetArrayLength());
        await ProblemAsync(await bob.DeleteAsync(where, Ct), HttpStatusCode.Forbidden);
        Assert.Equal(HttpStatusCode.NoContent, (await ada.DeleteAsync(where, Ct)).StatusCode);
        await ProblemAsync(await ada.GetAsync(where, Ct), HttpStatusCode.NotFound);
        await node.StopAsync(Ct);
    }

    [Fact]
    public async Task Batch_Wrong_NamesTheMemberBeforeAnythingIsQueued()
    {
        using var open = new ManualResetEventSlim(true);
        await using var node = await Site.FreshAsync(adjust: builder => builder.Services.AddGeneration(_ => new GatedGenerator(open)));
        var (run, writer) = await Site.TrainingRunAsync("fashion-mnist-quick", node);
        await GenerationsApiTests.CheckpointAsync(writer, [1]);
        using var ada = await ProgramAsync(node, "ada");
        foreach (
            var (body, path) in new[]
            {
                ($$"""{"model":{{run}}}""", "$.num_images"),
                ($$"""{"model":{{run}},"num_images":50001}""", "$.num_images"),
                ($$"""{"model":{{run}},"num_images":2,"seed":18446744073709551615}""", "$.seed"),
                ($$"""{"model":{{run}},"num_images":2,"class_label":10}""", "$.class_label"),
                ($$"""{"model":{{run}},"num_images":2,"num_steps":4}""", "$.num_steps"),
            }
        )
        {
            var errors = await ErrorsAsync(await ada.PostAsync(Path, Json(body), Ct));
            Assert.True(errors.Keys.SequenceEqual([path]), $"{body} was blamed on {string.Join(", ", errors)}");
        }

        await ProblemAsync(await ada.PostAsync(Path, Json("""{"model":4711,"num_images":2}"""), Ct), HttpStatusCode.NotFound);
        Assert.Equal(0, (await ada.GetFromJsonAsync<JsonElement>(Path, Ct)).GetArrayLength());
        await node.StopAsync(Ct);
    }

    private async Task<HttpClient> ProgramAsync(WebApplication node, string name)
    {
        var (account, _) = await node.Services.GetRequiredService<AccountService>().CreateAsync(name, LabRoles.Reviewer, Actor.Server);
        var key = await node
            .Services.GetRequiredService<ApiKeyService>()
            .CreateAsync(account!.Id, "test", Actor.Server, [KeyScopes.Read, KeyScopes.Generate]);
        var program = Site.Program(key.Secret);
        program.BaseAddress = new Uri(node.Urls.First());
        return program;
    }

    private static async Task<JsonElement> UntilDoneAsync(HttpClient program, string where)
    {
        for (var begin = Stopwatch.GetTimestamp(); ; await Task.Delay(50, Ct))
        {
            var batch = await program.GetFromJsonAsync<JsonElement>(where, Ct);
            if (batch.GetProperty("state").GetString() is "done" or "failed")
            {
                Assert.Equal("done", batch.GetProperty("state").GetString());
                return batch;
            }

            Assert.True(Stopwatch.GetElapsedTime(begin) < TimeSpan.FromSeconds(60), batch.ToString());
        }
    }
}
