using System.Diagnostics;
using System.Text;

namespace SmtWeb.Browser.Tests;

/// <summary>The real executable as a process of its own, as an operator starts it.</summary>
internal sealed class PanelNode : IAsyncDisposable
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(90);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private PanelNode(IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Build.Executable)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Build.RepoRoot,
        };
        start.ArgumentList.Add("serve");
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.OutputDataReceived += (_, e) => Take(e.Data);
        _process.ErrorDataReceived += (_, e) => Take(e.Data);
        _process.Exited += (_, _) => _open.TrySetException(new InvalidOperationException($"smtweb ended at once:\n{_output}"));
    }

    /// <summary>Where it answers.</summary>
    internal string Address { get; private set; } = "";

    /// <summary>The one-time sign-in link, or empty.</summary>
    internal string Link { get; private set; } = "";

    internal static async Task<PanelNode> StartAsync(params IEnumerable<string> arguments)
    {
        var node = new PanelNode(arguments);
        node._process.Start();
        node._process.BeginOutputReadLine();
        node._process.BeginErrorReadLine();
        await node._open.Task.WaitAsync(StartPatience);
        return node;
    }

    /// <summary>kill -9.</summary>
    internal async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        // what the server said stays beside the pictures of the pages
        var log = Path.Combine(Build.RepoRoot, "artifacts", "screenshots", $"server-{_process.Id}.log");
        lock (_output)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(log)!);
            File.WriteAllText(log, _output.ToString());
        }

        _process.Dispose();
    }

    private async Task EndAsync()
    {
        if (!_process.HasExited)
        {
            // as Ctrl+C does, so that nothing it started outlives it
            using var kill = Process.Start("kill", ["-INT", _process.Id.ToString()]);
            await kill.WaitForExitAsync();
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            try
            {
                await _process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill(entireProcessTree: true);
            }
        }
    }

    private void Take(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_output)
        {
            _output.AppendLine(line);
        }

        const string Open = "SmtWeb is open at ";
        const string SignIn = "Sign in: ";
        if (line.StartsWith(Open, StringComparison.Ordinal))
        {
            Address = line[Open.Length..].Trim();
            _ = Task.Delay(200).ContinueWith(_ => _open.TrySetResult(), TaskScheduler.Default); // the link is on the next line
        }
        else if (line.StartsWith(SignIn, StringComparison.Ordinal))
        {
            Link = line[SignIn.Length..].Trim();
        }
    }
}
