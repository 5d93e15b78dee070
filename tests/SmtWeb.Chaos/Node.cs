using System.Diagnostics;
using System.Runtime.InteropServices;

namespace SmtWeb.Chaos;

/// <summary>A process of the lab that is started again whenever it is gone: a worker, or the site.</summary>
internal sealed partial class Node(string name, Func<ProcessStartInfo> start, string? firstLine) : IDisposable
{
    private const int Continue = 18,
        Stop = 19;
    private Process? _process;

    public string Name => name;

    /// <summary>Starts it unless it lives.</summary>
    public void Keep()
    {
        if (_process is { HasExited: false })
        {
            return;
        }

        _process?.Dispose();
        var info = start();
        (info.RedirectStandardInput, info.RedirectStandardOutput, info.RedirectStandardError) = (true, true, true);
        _process = Process.Start(info)!;
        _process.OutputDataReceived += (_, _) => { };
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        if (firstLine is not null)
        {
            _process.StandardInput.WriteLine(firstLine);
            _process.StandardInput.Flush();
        }
    }

    /// <summary>SIGKILL of the process alone; what it started sees that it is gone.</summary>
    public void Kill() => _process!.Kill();

    /// <summary>It stands still for a while.</summary>
    public Task FreezeAsync(TimeSpan time) => FreezeAsync(_process!.Id, time);

    public static async Task FreezeAsync(int process, TimeSpan time)
    {
        _ = Signal(process, Stop);
        await Task.Delay(time);
        _ = Signal(process, Continue);
    }

    /// <summary>The trainers that it started.</summary>
    public IReadOnlyList<int> Children()
    {
        try
        {
            return
            [
                .. Directory
                    .GetDirectories($"/proc/{_process!.Id}/task")
                    .SelectMany(t => File.ReadAllText(Path.Combine(t, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
                    .Select(int.Parse)
                    .Distinct(),
            ];
        }
        catch (IOException)
        {
            return []; // it has just ended
        }
    }

    public void Dispose()
    {
        if (_process is { HasExited: false })
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process?.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int pid, int signal);
}
