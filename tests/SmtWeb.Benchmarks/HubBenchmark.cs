using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using SmtWeb.Smt.Training;

namespace SmtWeb.Benchmarks;

/// <summary>
/// What 200 hub clients on one run cost its trainer: images/s with and without them in turns, on a real server with
/// its database and trainer process. The clients run in this process, on the same cores: the figure holds their cost too.
/// </summary>
internal static partial class HubBenchmark
{
    private const int Clients = 200;
    private const char RecordSeparator = '\u001e';
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(30);

    public static void Run(Options options) => RunAsync(options).GetAwaiter().GetResult();

    private static async Task RunAsync(Options options)
    {
        var data = Directory.CreateTempSubdirectory("smtweb-hub").FullName;
        // root's PostgreSQL runs as another user, who must be able to enter
        Process.Start("chmod", ["o+x", data]).WaitForExit();
        using var server = new Server(data, options.Threads);
        try
        {
            var (address, http, key) = await server.SignInAsync();
            var run = await StartRunAsync(http);
            await WaitForPointsAsync(http, run);
            var ratios = new List<double>();
            for (var round = 1; round <= options.Rounds; round++)
            {
                var alone = await SpeedAsync(http, run);
                var messages = 0;
                var sockets = await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => JoinAsync(address, key, run, () => Interlocked.Increment(ref messages))));
                var followed = await SpeedAsync(http, run);
                foreach (var socket in sockets) socket.Dispose();
                ratios.Add(followed / alone);
                Console.WriteLine($"  round {round}: {alone:F1} images/s alone, {followed:F1} with {Clients} clients ({messages / (double)Clients / Window.TotalSeconds:F1} messages/s each): {followed / alone - 1:+0.0 %;-0.0 %}");
            }
            ratios.Sort();
            Console.WriteLine($"  median {ratios[ratios.Count / 2] - 1:+0.0 %;-0.0 %}");
        }
        finally
        {
            server.Stop();
            Directory.Delete(data, recursive: true);
        }
    }

    private static async Task<long> StartRunAsync(HttpClient http)
    {
        using var answer = await http.PostAsJsonAsync("api/v1/runs", new
        {
            preset = "fashion-mnist-quick",
            spec = new { method = new { warmupIterations = 0, scoreFromWarmup = false }, optimisation = new { iterations = 1_000_000 }, evaluation = new { everyIterations = 100_000_000, checkpointEvery = 100_000_000 } },
        });
        var text = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode ? JsonDocument.Parse(text).RootElement.GetProperty("id").GetInt64() : throw new InvalidOperationException(text);
    }

    private static async Task WaitForPointsAsync(HttpClient http, long run)
    {
        for (var k = 0; k < 240; k++)
        {
            if (await LastAsync(http, run) is { Images: > 2000 }) return;
            await Task.Delay(500);
        }
        throw new TimeoutException("The run has not started to train within two minutes.");
    }

    private static async Task<double> SpeedAsync(HttpClient http, long run)
    {
        var from = await LastAsync(http, run);
        await Task.Delay(Window);
        var to = await LastAsync(http, run);
        return (to.Images - from.Images) / (to.Seconds - from.Seconds);
    }

    private static async Task<(double Images, double Seconds)> LastAsync(HttpClient http, long run)
    {
        var csv = await http.GetStringAsync($"api/v1/runs/{run}/metrics?format=csv");
        var lines = csv.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var columns = lines[0].Trim().Split(',');
        int Column(string name) => Array.FindIndex(columns, c => c.Replace("_", "", StringComparison.Ordinal).Equals(name, StringComparison.OrdinalIgnoreCase));
        var last = lines.Skip(1).Select(l => l.Split(',')).LastOrDefault(l => l[Column("name")].Contains(MetricNames.ScoreLoss, StringComparison.Ordinal));
        return last is null ? default : (double.Parse(last[Column("imagesSeen")]), double.Parse(last[Column("seconds")]));
    }

    private static async Task<ClientWebSocket> JoinAsync(Uri address, string key, long run, Action message)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", "Bearer " + key);
        await socket.ConnectAsync(new UriBuilder(new Uri(address, "hubs/runs")) { Scheme = "ws" }.Uri, default);
        await SendAsync(socket, """{"protocol":"json","version":1}""");
        await SendAsync(socket, JsonSerializer.Serialize(new { type = 1, invocationId = "1", target = "Join", arguments = new[] { run } }));
        _ = ReceiveAsync(socket, message);
        return socket;
    }

    private static Task SendAsync(ClientWebSocket socket, string json) =>
        socket.SendAsync(Encoding.UTF8.GetBytes(json + RecordSeparator), WebSocketMessageType.Text, true, default);

    private static async Task ReceiveAsync(ClientWebSocket socket, Action message)
    {
        var buffer = new byte[65536];
        try
        {
            while (socket.State == WebSocketState.Open)
            {
                var got = await socket.ReceiveAsync(buffer.AsMemory(), default);
                if (buffer.AsSpan(0, got.Count).IndexOf("MetricBatch"u8) >= 0) message();
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException)
        {
            // closed by the end of the round
        }
    }

    [GeneratedRegex("""(https?://\S+?/)\S*token=(\S+)""")]
    private static partial Regex Link { get; }

    [GeneratedRegex("name=\"(__RequestVerificationToken)\"[^>]*value=\"([^\"]+)\"")]
    private static partial Regex FormToken { get; }

    /// <summary>A server on a data folder of its own.</summary>
    private sealed class Server : IDisposable
    {
        private readonly Process process;
        private readonly StringBuilder said = new();

        internal Server(string data, int threads)
        {
            var root = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../.."));
            var start = new ProcessStartInfo(Path.Combine(root, "src/SmtWeb.Web/bin/Release/net10.0/smtweb"))
            {
                WorkingDirectory = root, RedirectStandardOutput = true, RedirectStandardError = true,
            };
            foreach (var argument in new[] { "serve", "--data", data, "--port", "8571", "--no-quickstart", "--threads", threads.ToString() }) start.ArgumentList.Add(argument);
            process = Process.Start(start) ?? throw new InvalidOperationException("smtweb did not start; build the solution first.");
            void Keep(string? line) { lock (said) said.AppendLine(line); }
            process.OutputDataReceived += (_, e) => Keep(e.Data);
            process.ErrorDataReceived += (_, e) => Keep(e.Data);
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
        }

        internal async Task<(Uri Address, HttpClient Http, string Key)> SignInAsync()
        {
            Match link = Match.Empty;
            for (var k = 0; k < 240 && !link.Success; k++)
            {
                await Task.Delay(250);
                lock (said) link = Link.Match(said.ToString());
            }
            if (!link.Success) throw new InvalidOperationException($"The server printed no sign-in link:\n{said}");
            var address = new Uri(link.Groups[1].Value);
            var http = new HttpClient(new HttpClientHandler { CookieContainer = new CookieContainer() }) { BaseAddress = address };
            var page = await http.GetStringAsync(link.Value);
            var form = new Dictionary<string, string> { ["token"] = WebUtility.UrlDecode(link.Groups[2].Value), ["password"] = "benchmark-only-94-hub", ["again"] = "benchmark-only-94-hub" };
            if (FormToken.Match(page) is { Success: true } token) form[token.Groups[1].Value] = WebUtility.HtmlDecode(token.Groups[2].Value);
            using var signedIn = await http.PostAsync(link.Value.Split('?')[0], new FormUrlEncodedContent(form));
            signedIn.EnsureSuccessStatusCode();
            using var made = await http.PostAsJsonAsync("api/v1/keys", new { name = "benchmark" });
            made.EnsureSuccessStatusCode();
            var body = JsonDocument.Parse(await made.Content.ReadAsStringAsync()).RootElement;
            var key = body.GetProperty("secret").GetString()!;
            http.DefaultRequestHeaders.Authorization = new("Bearer", key);
            return (address, http, key);
        }

        internal void Stop()
        {
            Process.Start("kill", ["-TERM", process.Id.ToString()]).WaitForExit();
            process.WaitForExit(30_000);
        }

        public void Dispose() => process.Dispose();
    }
}
