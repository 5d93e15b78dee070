using System.Diagnostics;
using System.Runtime.InteropServices;

namespace SmtWeb.Runs.Database;

/// <summary>Starts PostgreSQL's programs, which refuse to run as root, under the system user <c>postgres</c> where needed.</summary>
internal static partial class PostgresProcess
{
    private const string SystemUser = "postgres";

    public static bool IsRoot => GetEffectiveUserId() == 0;

    /// <summary>
    /// A start under a user that may run PostgreSQL, in a session of its own: Ctrl+C in the terminal must not stop the
    /// database before the trainers have written their checkpoints. Both helpers exec, so the process id stays.
    /// </summary>
    public static ProcessStartInfo Prepare(string program, IEnumerable<string> arguments, string folder)
    {
        string[] command = IsRoot
            ? ["setpriv", $"--reuid={SystemUser}", $"--regid={SystemUser}", "--init-groups", "--no-new-privs", "--", program, .. arguments]
            : [program, .. arguments];
        var start = new ProcessStartInfo("/usr/bin/setsid", command)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            Environment = { ["LC_ALL"] = "C.UTF-8" },
        };
        start.Environment.Remove("PGDATA");
        return start;
    }

    /// <summary>Runs a program to its end.</summary>
    /// <exception cref="InvalidOperationException">It failed; carries what it said.</exception>
    public static async Task RunAsync(ProcessStartInfo start, CancellationToken ct)
    {
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        using var process = Process.Start(start)!;
        var said = await Task.WhenAll(process.StandardError.ReadToEndAsync(ct), process.StandardOutput.ReadToEndAsync(ct));
        await process.WaitForExitAsync(ct);
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException(
                $"{string.Join(' ', start.ArgumentList)} failed with code {process.ExitCode}:\n{string.Join('\n', said).Trim()}"
            );
        }
    }

    /// <summary>Gives a folder to the user that runs PostgreSQL, and checks that this user can reach it.</summary>
    public static async Task GiveAsync(string folder, CancellationToken ct)
    {
        if (!OperatingSystem.IsLinux() || !IsRoot)
        {
            return;
        }

        await RunAsync(new ProcessStartInfo("/bin/chown", ["-R", $"{SystemUser}:{SystemUser}", folder]), ct);
        for (var parent = Directory.GetParent(folder); parent is not null; parent = parent.Parent)
        {
            if ((File.GetUnixFileMode(parent.FullName) & UnixFileMode.OtherExecute) == 0)
            {
                throw new InvalidOperationException(
                    $"PostgreSQL runs as the user '{SystemUser}' because you are root, and that user cannot enter {parent.FullName}. "
                        + "Choose another data folder with --data (one below /var/lib or /srv, say), or open this one: chmod o+x "
                        + $"{parent.FullName}"
                );
            }
        }
    }

    public static void Signal(int pid, PosixSignalNumber signal) => _ = Kill(pid, (int)signal);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUserId();

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);
}

/// <summary>Signals that PostgreSQL knows.</summary>
internal enum PosixSignalNumber
{
    /// <summary>Fast shutdown: open transactions are rolled back.</summary>
    Interrupt = 2,
}
