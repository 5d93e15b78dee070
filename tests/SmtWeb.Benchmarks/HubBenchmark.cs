using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace SmtWeb.Benchmarks;

/// <summary>
/// What 200 hub clients on one run cost its trainer, on a real server with its database and trainer process. Windows
/// without and with the clients take turns, and each window with them is compared with the two around it, so that slow
/// changes of the machine cancel. The clients stand for machines elsewhere: a process of their own, which gets the
/// cores only when nobody else wants them (SCHED_IDLE, nice 19 for its session too). What they take all the same is
/// printed. The second figure does not depend on what else the machine does: the processor time of the server (web
/// process and database) as a share of the trainer's, without and with the clients.
/// </summary>
internal static class HubBenchmark
{
    private const int Clients = 200;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(20);

    public static void Run(Options options) => RunAsync(options).GetAwaiter().GetResult();

    private static async Task RunAsync(Options options)
    {
        await using var server = HubServer.Start(Commit.Here, options.Threads);
        var (http, key) = await server.SignInAsync();
        var run = await StartRunAsync(http);
        await WaitForPointsAsync(http, run);
        await using var clients = HubLoad.Start(server.Address, key, run, Clients);
        var measured = new Measured(server, clients, http, run);
        await measured.WindowAsync(); // warms up everything that the others use

        var alone = new List<Sample> { await measured.WindowAsync() };
        var followed = new List<Sample>();
        for (var round = 0; round < options.Rounds; round++)
        {
            await clients.JoinAsync();
            followed.Add(await measured.WindowAsync());
            await clients.LeaveAsync();
            alone.Add(await measured.WindowAsync());
            var (before, with, after) = (alone[^2], followed[^1], alone[^1]);
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"  {round + 1}: {before.Speed:F0}, with clients {with.Speed:F0}, {after.Speed:F0} images/s; "
                        + $"{with.Messages / (double)Clients / with.Seconds:F1} messages/s and "
                        + $"{with.Bytes / 1024.0 / Clients / with.Seconds:F1} KiB/s each; clients took {with.Load / with.Seconds:P1} of a core"
                )
            );
        }

        var speed = followed.Select((f, k) => 2 * f.Speed / (alone[k].Speed + alone[k + 1].Speed) - 1).Order().ToList();
        var perSecond = followed
            .Select((f, k) => 2 * f.SpeedOfProcessor / (alone[k].SpeedOfProcessor + alone[k + 1].SpeedOfProcessor) - 1)
            .Order()
            .ToList();
        Print("images/s with the clients on these cores", speed);
        Print("images per processor second of the trainer", perSecond);
        var (without, beside) = (Share(alone), Share(followed));
        var messages = followed.Sum(f => f.Messages);
        var extra =
            followed.Sum(f => f.Web + f.Database)
            - alone.Sum(a => a.Web + a.Database) / alone.Sum(a => a.Seconds) * followed.Sum(f => f.Seconds);
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"  server's processor time for each of the trainer's: {without:P2} without, {beside:P2} with {Clients} clients: they "
                    + $"cost {beside - without:P2}; {1e6 * extra / Math.Max(1, messages):F0} µs per message and client"
            )
        );
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"  of it the web process {followed.Sum(f => f.Web) / followed.Sum(f => f.Seconds):P2} of a core "
                    + $"({alone.Sum(f => f.Web) / alone.Sum(f => f.Seconds):P2} without), the database "
                    + $"{followed.Sum(f => f.Database) / followed.Sum(f => f.Seconds):P2} "
                    + $"({alone.Sum(f => f.Database) / alone.Sum(f => f.Seconds):P2})"
            )
        );
    }

    private static void Print(string what, List<double> sorted) =>
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"  {what}: median {(sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2:+0.0 %;-0.0 %}, from "
                    + $"{sorted[0]:+0.0 %;-0.0 %} to {sorted[^1]:+0.0 %;-0.0 %}, {sorted.Count} windows"
            )
        );

    private static double Share(List<Sample> samples) => samples.Sum(s => s.Web + s.Database) / samples.Sum(s => s.Trainer);

    private static async Task<long> StartRunAsync(HttpClient http)
    {
        using var answer = await http.PostAsJsonAsync(
            "api/v1/runs",
            new
            {
                preset = "fashion-mnist-quick",
                spec = new
                {
                    method = new { warmupIterations = 0, scoreFromWarmup = false },
                    optimisation = new { iterations = 1_000_000 },
                    evaluation = new { everyIterations = 100_000_000, checkpointEvery = 100_000_000 },
                },
            }
        );
        var text = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode
            ? JsonDocument.Parse(text).RootElement.GetProperty("id").GetInt64()
            : throw new InvalidOperationException(text);
    }

    private static async Task WaitForPointsAsync(HttpClient http, long run)
    {
        for (var k = 0; k < 240; k++)
        {
            if (await Measured.ProgressAsync(http, run) is { Iteration: > 30 })
            {
                return;
            }
            await Task.Delay(500);
        }
        throw new TimeoutException("The run has not started to train within two minutes.");
    }

    /// <summary>One window: images and the trainer's own seconds, processor seconds of each process, and what the clients heard.</summary>
    private sealed record Sample(
        double Images,
        double Seconds,
        double Trainer,
        double Web,
        double Database,
        double Load,
        long Messages,
        long Bytes
    )
    {
        internal double Speed => Images / Seconds;

        internal double SpeedOfProcessor => Images / Trainer;
    }

    private sealed class Measured(HubServer server, HubLoad clients, HttpClient http, long run)
    {
        private const int BatchSize = 64;

        internal static async Task<(long Iteration, double Seconds)> ProgressAsync(HttpClient http, long run)
        {
            var summary = await http.GetFromJsonAsync<JsonElement>($"api/v1/runs/{run}");
            if (summary.TryGetProperty("summary", out var inner))
            {
                summary = inner;
            }
            return (summary.GetProperty("iteration").GetInt64(), summary.GetProperty("seconds").GetDouble());
        }

        internal async Task<Sample> WindowAsync()
        {
            await Task.Delay(TimeSpan.FromSeconds(2)); // joining and leaving are over
            var (heard, from, spent, load) = (await clients.HeardAsync(), await ProgressAsync(http, run), server.Spent(), clients.Spent());
            await Task.Delay(Window);
            var (heardThen, to, spentThen, loadThen) = (
                await clients.HeardAsync(),
                await ProgressAsync(http, run),
                server.Spent(),
                clients.Spent()
            );
            return new(
                (to.Iteration - from.Iteration) * BatchSize,
                to.Seconds - from.Seconds,
                spentThen.Trainer - spent.Trainer,
                spentThen.Web - spent.Web,
                spentThen.Database - spent.Database,
                loadThen - load,
                heardThen.Messages - heard.Messages,
                heardThen.Bytes - heard.Bytes
            );
        }
    }
}
