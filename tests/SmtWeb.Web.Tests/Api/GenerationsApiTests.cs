using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Entities;
using SmtWeb.Worker;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Web.Tests.Api;

/// <summary>Generations over HTTP: what is refused, and when to come again.</summary>
public sealed class GenerationsApiTests(SiteFixture site) : SiteTest(site)
{
    private const string Path = "/api/v1/generations";

    [Fact]
    public async Task Draw_WhileTooManyWait_IsAnswered429AndServedLater()
    {
        var (run, writer) = await Site.TrainingRunAsync("fashion-mnist-quick");
        await CheckpointAsync(writer, [1]);
        using var gate = new ManualResetEventSlim();
        await using var node = Site.Build(builder =>
            builder.Services.AddGeneration(_ => new GatedGenerator(gate), new() { WaitingImages = 20 })
        );
        await node.StartAsync(Ct);
        using var program = await ProgramAsync(node);
        var waiting = program.PostAsync(Path, Json($$"""{"model":{{run}},"num_images":15}"""), Ct);
        var generation = node.Services.GetRequiredService<GenerationService>();
        Assert.True(SpinWait.SpinUntil(() => generation.Waiting == 15, TimeSpan.FromSeconds(30)));

        var busy = await program.PostAsync(Path, Json($$"""{"model":{{run}},"num_images":6}"""), Ct);
        Assert.InRange(busy.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        var problem = await ProblemAsync(busy, HttpStatusCode.TooManyRequests);
        Assert.Contains("15 images wait", problem.GetProperty("detail").GetString());

        gate.Set();
        var served = await (await waiting).EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(Ct);
        Assert.Equal(15, served.GetProperty("seeds").GetArrayLength());
        Assert.True(SpinWait.SpinUntil(() => generation.Waiting == 0, TimeSpan.FromSeconds(30)));
        Assert.Equal(HttpStatusCode.OK, (await program.PostAsync(Path, Json($$"""{"model":{{run}},"num_images":6}"""), Ct)).StatusCode);
        await node.StopAsync(Ct);
    }

    [Fact]
    public async Task Draw_FromACheckpointThatCannotBeRead_IsAnswered503WithATime()
    {
        var (run, writer) = await Site.TrainingRunAsync("fashion-mnist-quick");
        await CheckpointAsync(writer, new byte[1000]);
        using var program = await Site.ProgramAsync(LabRoles.Reviewer);
        var answer = await program.PostAsync(Path, Json($$"""{"model":{{run}}}"""), Ct);
        Assert.InRange(answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        var problem = await ProblemAsync(answer, HttpStatusCode.ServiceUnavailable);
        Assert.Contains($"model of run {run} cannot be loaded", problem.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task Draw_Wrong_NamesTheMember()
    {
        var (run, writer) = await Site.TrainingRunAsync("fashion-mnist-quick");
        await CheckpointAsync(writer, [1]);
        using var open = new ManualResetEventSlim(true);
        await using var node = Site.Build(builder => builder.Services.AddGeneration(_ => new GatedGenerator(open)));
        await node.StartAsync(Ct);
        using var program = await ProgramAsync(node);
        foreach (
            var (body, path) in new[]
            {
                ($$"""{"model":{{run}},"seed":18446744073709551616}""", "$.seed"), // 2^64
                ($$"""{"model":{{run}},"seed":18446744073709551615,"num_images":2}""", "$.seed"),
                ($$"""{"model":{{run}},"seeds":[1,-1]}""", "$.seeds[1]"),
                ($$"""{"model":{{run}},"num_images":-4}""", "$.num_images"),
                ($$"""{"model":{{run}},"num_images":100000}""", "$.num_images"),
                ($$"""{"model":{{run}},"class_label":10}""", "$.class_label"),
                ($$"""{"model":{{run}},"class_labels":[0,10]}""", "$.class_labels[1]"),
                ($$"""{"model":{{run}},"class_labels":["class 3","class 33"]}""", "$.class_labels[1]"),
                ($$"""{"model":{{run}},"class_label":"class 10"}""", "$.class_label"),
                ($$"""{"model":{{run}},"clas_label":1}""", "$.clas_label"),
                ("""{"model":"../../etc/passwd"}""", "$.model"),
            }
        )
        {
            var errors = await ErrorsAsync(await program.PostAsync(Path, Json(body), Ct));
            Assert.True(errors.Keys.SequenceEqual([path]), $"{body} was blamed on {string.Join(", ", errors)}");
        }

        await node.StopAsync(Ct);
    }

    internal static async Task CheckpointAsync(AttemptWriter writer, byte[] content)
    {
        await using var stream = writer.Checkpoint(new(1, 64, 1, null, "test"), TimeSpan.FromSeconds(10));
        stream.Write(content);
        await stream.CompleteAsync();
    }

    private async Task<HttpClient> ProgramAsync(WebApplication node)
    {
        var client = await Site.ProgramAsync(LabRoles.Reviewer);
        client.BaseAddress = new Uri(node.Urls.First());
        return client;
    }
}
