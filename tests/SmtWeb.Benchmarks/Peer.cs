using System.Diagnostics;
using System.Text.Json;

namespace SmtWeb.Benchmarks;

/// <summary>The other side of a comparison: a Python script in its own process, which prints one line of JSON.</summary>
internal static class Peer
{
    private const string Python = "/usr/bin/python3";

    public static JsonElement Run(string script, params string[] arguments)
    {
        var start = new ProcessStartInfo(Python) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "peers", script));
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }
        // as a user of PyTorch would start it: no setting of ours
        start.Environment.Remove("OMP_WAIT_POLICY");
        start.Environment.Remove("GOMP_SPINCOUNT");
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{Python} did not start.");
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode == 0)
        {
            return JsonDocument.Parse(output.Trim().Split('\n')[^1]).RootElement;
        }
        var text = error.GetAwaiter().GetResult();
        if (text.Contains("No module named 'torchvision'", StringComparison.Ordinal))
        {
            throw new InvalidOperationException(
                "This comparison needs Debian's python3-torchvision: apt-get install --no-install-recommends python3-torchvision"
            );
        }
        throw new InvalidOperationException(
            text.Contains("No module named 'torch'", StringComparison.Ordinal)
                ? "The PyTorch side needs Debian's python3-torch: apt-get install --no-install-recommends python3-torch"
                : $"{script} ended with status {process.ExitCode}:\n{text}"
        );
    }
}
