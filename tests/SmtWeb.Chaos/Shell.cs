using System.Diagnostics;

namespace SmtWeb.Chaos;

/// <summary>Commands of the machine.</summary>
internal static class Shell
{
    /// <summary>Runs a command; its exit code.</summary>
    public static async Task<int> RunAsync(string command)
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", command + " >/dev/null 2>&1"]))!;
        await process.WaitForExitAsync();
        return process.ExitCode;
    }
}
