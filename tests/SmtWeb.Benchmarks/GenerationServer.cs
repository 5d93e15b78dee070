using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;

namespace SmtWeb.Benchmarks;

/// <summary>A server with one trained generator of <c>fashion-mnist-official</c>'s network, and what an image over HTTP costs it.</summary>
internal sealed class GenerationServer : IAsyncDisposable
{
    private static readonly int[] Sizes = [1, 64];

    private readonly HubServer _server;
    private readonly HttpClient _http;
    private readonly long _run;
    private ulong _seed;

    private GenerationServer(HubServer server, HttpClient http, long run) => (_server, _http, _run) = (server, http, run);

    internal static async Task<GenerationServer> StartAsync(Commit commit, int threads)
    {
        var server = HubServer.Start(commit, threads);
        try
        {
            var (http, _) = await server.SignInAsync();
            var made = new GenerationServer(server, http, await TrainAsync(http));
            await made.DrawAsync(64); // loads the model
            return made;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Milliseconds of a request, by the clock of its client and of the server's processors.</summary>
    internal async Task<Dictionary<string, Cost>> MeasureAsync(Options options)
    {
        var costs = new Dictionary<string, Cost>();
        foreach (var size in Sizes)
        {
            var requests = options.Iterations > 0 ? options.Iterations : 100;
            await DrawAsync(size);
            var (start, spent) = (Stopwatch.GetTimestamp(), _server.Spent().Web);
            for (var k = 0; k < requests; k++)
            {
                await DrawAsync(size);
            }
            costs[size == 1 ? "1 image" : $"{size} images"] = new(
                Stopwatch.GetElapsedTime(start).TotalMilliseconds / requests,
                (_server.Spent().Web - spent) * 1000 / requests
            );
        }
        return costs;
    }

    private async Task DrawAsync(int images)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/v1/generations")
        {
            Content = JsonContent.Create(
                new
                {
                    model = $"{_run}",
                    num_images = images,
                    seed = _seed += 1000,
                }
            ),
            Headers = { { "Accept", "image/png" } },
        };
        using var answer = await _http.SendAsync(request);
        if (!answer.IsSuccessStatusCode || answer.Content.Headers.ContentType?.MediaType != "image/png")
        {
            throw new InvalidOperationException(await answer.Content.ReadAsStringAsync());
        }
        await answer.Content.ReadAsByteArrayAsync();
    }

    // speed does not depend on what was learnt: five iterations
    private static async Task<long> TrainAsync(HttpClient http)
    {
        using var answer = await http.PostAsJsonAsync(
            "api/v1/runs",
            new
            {
                preset = "fashion-mnist-official",
                spec = new
                {
                    method = new { warmupIterations = 0 },
                    optimisation = new { iterations = 5, rampIterations = 0 },
                    evaluation = new { samples = 16, finalSamples = 16 },
                },
            }
        );
        if (!answer.IsSuccessStatusCode)
        {
            throw new InvalidOperationException(await answer.Content.ReadAsStringAsync());
        }
        var run = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetInt64();
        for (var k = 0; k < 600; k++)
        {
            await Task.Delay(500);
            var summary = await http.GetFromJsonAsync<JsonElement>($"api/v1/runs/{run}");
            var state = (summary.TryGetProperty("summary", out var inner) ? inner : summary).GetProperty("state").GetString();
            if (string.Equals(state, "finished", StringComparison.OrdinalIgnoreCase))
            {
                return run;
            }
            if (string.Equals(state, "failed", StringComparison.OrdinalIgnoreCase))
            {
                throw new InvalidOperationException($"The run failed: {summary}");
            }
        }
        throw new TimeoutException("The run has not ended within five minutes.");
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _server.DisposeAsync();
    }
}
