// dotnet run --project docs/samples/live-client -- http://localhost:5080 RUN, with SMTWEB_KEY in the environment:
// prints every metric of a run, its states and its evaluations, from the beginning and as they come.
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.SignalR.Client;

if (
    args is not [var address, var number]
    || !long.TryParse(number, CultureInfo.InvariantCulture, out var run)
    || Environment.GetEnvironmentVariable("SMTWEB_KEY") is not { Length: > 0 } key
)
{
    Console.Error.WriteLine("Usage: live-client http://localhost:5080 RUN, with an API key in SMTWEB_KEY.");
    return 2;
}

var site = new Uri(address);
using var rest = new HttpClient { BaseAddress = site };
rest.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
await using var hub = new HubConnectionBuilder()
    .WithUrl(new Uri(site, "/hubs/runs"), o => o.AccessTokenProvider = () => Task.FromResult<string?>(key))
    .WithAutomaticReconnect()
    .Build();

long after = 0;
var turn = new SemaphoreSlim(1); // a batch that arrives while the history is fetched waits for it

hub.On<JsonElement>("MetricBatch", m => InTurnAsync(() => Task.FromResult(Take(m.GetProperty("points")))));
hub.On<JsonElement>(
    "StateChange",
    m =>
        Console.WriteLine(
            m.GetProperty("summary") is { ValueKind: JsonValueKind.Object } summary
                ? $"{summary.GetProperty("state")} at {summary.GetProperty("iteration")}"
                : "deleted"
        )
);
hub.On<JsonElement>(
    "Evaluation",
    m =>
    {
        var record = m.GetProperty("evaluation").GetProperty("record");
        Console.WriteLine($"{record.GetProperty("metric")} {record.GetProperty("value")}");
    }
);
hub.Reconnected += _ => FollowAsync();
await hub.StartAsync();
await FollowAsync();
await Task.Delay(Timeout.Infinite);
return 0;

// Join first and fetch second: nothing falls between the two, and what comes twice has the same sequence number.
Task FollowAsync() =>
    InTurnAsync(async () =>
    {
        await hub.InvokeAsync("Join", run);
        int got;
        do
        {
            // at most 100,000 points at a time
            var page = await rest.GetFromJsonAsync<JsonElement>($"/api/v1/runs/{run}/metrics?after={after}");
            got = Take(page.GetProperty("points"));
        } while (got > 0);
        return got;
    });

async Task InTurnAsync(Func<Task<int>> what)
{
    await turn.WaitAsync();
    try
    {
        await what();
    }
    finally
    {
        turn.Release();
    }
}

int Take(JsonElement points)
{
    foreach (var point in points.EnumerateArray().Where(p => p.GetProperty("sequence").GetInt64() > after))
    {
        after = point.GetProperty("sequence").GetInt64();
        Console.WriteLine($"{point.GetProperty("iteration")} {point.GetProperty("name").GetString()} {point.GetProperty("value")}");
    }

    return points.GetArrayLength();
}
