using System.Diagnostics;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Worker.Training;

/// <summary>A trainer process as its worker sees it.</summary>
internal sealed class TrainerProcess : IDisposable
{
    private const int TailLines = 20;

    private readonly Process _process;
    private readonly Queue<string> _tail = new();
    private readonly Task _pumps;

    private TrainerProcess(Process process, ClaimedRun run)
    {
        (_process, Run) = (process, run);
        _pumps = Task.WhenAll(PumpAsync(process.StandardOutput), PumpAsync(process.StandardError));
    }

    public ClaimedRun Run { get; }

    public int Id => _process.Id;

    /// <summary>When the attempt was first seen without its run; the trainer should end by itself soon after.</summary>
    public long? DisownedSince { get; set; }

    public static TrainerProcess Start(ClaimedRun run, WorkerOptions options)
    {
        int threads = run.Threads > 0 ? run.Threads : options.Threads;
        var start = ChildProgram.Start(options, threads, 5, "train", "--run", $"{run.RunId}", "--attempt", $"{run.Attempt}");
        var process = Process.Start(start) ?? throw new InvalidOperationException("The trainer process could not be started.");
        var instructions = new TrainerInstructions(
            options.ConnectionString, threads, options.Lease.TotalSeconds, options.Patience.TotalSeconds, options.StallLimit.TotalSeconds);
        try
        {
            process.StandardInput.WriteLine(instructions.Write());
            process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It ended at once; its exit code and its last words tell why.
        }

        return new(process, run);
    }

    /// <summary>Waits for the end of the process and of its output.</summary>
    public async Task<int> WaitAsync()
    {
        await _process.WaitForExitAsync();
        await _pumps;
        return _process.ExitCode;
    }

    /// <summary>Closes the pipe that tells the trainer that its worker lives: it writes a checkpoint and ends.</summary>
    public void HangUp() => _process.StandardInput.Close();

    public void Kill() => _process.Kill(entireProcessTree: true);

    /// <summary>The last lines that it wrote.</summary>
    public string Tail()
    {
        lock (_tail)
        {
            return string.Join('\n', _tail);
        }
    }

    public void Dispose() => _process.Dispose();

    /// <summary>How this program is started.</summary>
    public static string[] ThisProgram() => ChildProgram.ThisProgram();

    private async Task PumpAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_tail)
            {
                _tail.Enqueue(line);
                if (_tail.Count > TailLines)
                {
                    _tail.Dequeue();
                }
            }
        }
    }
}
