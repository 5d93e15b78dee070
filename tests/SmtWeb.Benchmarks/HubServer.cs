using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace SmtWeb.Benchmarks;

/// <summary>A server of its own session on a data folder of its own, with its database and trainer processes.</summary>
internal sealed partial class HubServer : IAsyncDisposable
{
    private const string Password = "benchmark-only-94-hub";

    private readonly Process _process;
    private readonly string _data;
    private readonly StringBuilder _said = new();

    private HubServer(Process process, string data)
    {
        (_process, _data) = (process, data);
        void Keep(string? line)
        {
            lock (_said)
            {
                _said.AppendLine(line);
            }
        }
        process.OutputDataReceived += (_, e) => Keep(e.Data);
        process.ErrorDataReceived += (_, e) => Keep(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    internal Uri Address { get; private set; } = new("http://localhost");

    internal static HubServer Start(Commit commit, int threads)
    {
        var data = Directory.CreateTempSubdirectory("smtweb-hub").FullName;
        // root's PostgreSQL runs as another user, who must be able to enter
        Process.Start("chmod", ["o+x", data]).WaitForExit();
        // a session of its own, as on a machine on which nobody measures: the kernel shares the cores between sessions
        var start = commit.Start(
            "/usr/bin/setsid",
            commit.SmtWeb,
            "serve",
            "--data",
            data,
            "--port",
            "0",
            "--host",
            "127.0.0.1",
            "--no-quickstart",
            "--threads",
            $"{threads}"
        );
        start.RedirectStandardError = true;
        return new(Process.Start(start) ?? throw new InvalidOperationException("smtweb did not start."), data);
    }

    /// <summary>A client with an API key of the first account.</summary>
    internal async Task<(HttpClient Http, string Key)> SignInAsync()
    {
        var link = Match.Empty;
        for (var k = 0; k < 240 && !link.Success; k++)
        {
            await Task.Delay(250);
            lock (_said)
            {
                link = Link.Match(_said.ToString());
            }
        }
        if (!link.Success)
        {
            throw new InvalidOperationException($"The server printed no sign-in link:\n{_said}");
        }
        Address = new Uri(link.Groups[1].Value);
        var http = new HttpClient(new HttpClientHandler { CookieContainer = new CookieContainer() }) { BaseAddress = Address };
        var page = await http.GetStringAsync(link.Value);
        var form = new Dictionary<string, string>
        {
            ["token"] = WebUtility.UrlDecode(link.Groups[2].Value),
            ["password"] = Password,
            ["again"] = Password,
        };
        if (FormToken.Match(page) is { Success: true } token)
        {
            form[token.Groups[1].Value] = WebUtility.HtmlDecode(token.Groups[2].Value);
        }
        using var signedIn = await http.PostAsync(link.Value.Split('?')[0], new FormUrlEncodedContent(form));
        signedIn.EnsureSuccessStatusCode();
        using var made = await http.PostAsJsonAsync("api/v1/keys", new { name = "benchmark" });
        made.EnsureSuccessStatusCode();
        var key = JsonDocument.Parse(await made.Content.ReadAsStringAsync()).RootElement.GetProperty("secret").GetString()!;
        http.DefaultRequestHeaders.Authorization = new("Bearer", key);
        return (http, key);
    }

    /// <summary>Processor seconds so far of the trainer, of the web process and of the database with all its backends.</summary>
    internal (double Trainer, double Web, double Database) Spent()
    {
        var (trainer, web, database) = (0.0, 0.0, 0.0);
        foreach (var found in ProcessTimes.Tree(_process.Id))
        {
            if (found.Program == "postgres")
            {
                database += found.Seconds;
            }
            else if (found.Arguments.Contains("\0train\0", StringComparison.Ordinal))
            {
                trainer += found.Seconds;
            }
            else
            {
                web += found.Seconds;
            }
        }
        return (trainer, web, database);
    }

    public async ValueTask DisposeAsync()
    {
        Process.Start("kill", ["-TERM", _process.Id.ToString()]).WaitForExit();
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        _process.Dispose();
        Directory.Delete(_data, recursive: true);
    }

    [GeneratedRegex("""(https?://\S+?/)\S*token=(\S+)""")]
    private static partial Regex Link { get; }

    [GeneratedRegex("name=\"(__RequestVerificationToken)\"[^>]*value=\"([^\"]+)\"")]
    private static partial Regex FormToken { get; }
}
