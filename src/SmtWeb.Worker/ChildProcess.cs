using System.Diagnostics;

namespace SmtWeb.Worker;

/// <summary>A process of this program as the worker that started it sees it: what it says, how it ends, and the line to it.</summary>
internal sealed class ChildProcess : IDisposable
{
    private const int TailLines = 20;

    private readonly Process _process;
    private readonly Queue<string> _tail = new();

    private ChildProcess(Process process, Action<string>? onOutput)
    {
        _process = process;
        Exit = ExitAsync(Task.WhenAll(PumpAsync(process.StandardOutput, onOutput ?? Keep), PumpAsync(process.StandardError, Keep)));
    }

    public int Id => _process.Id;

    /// <summary>The exit code, when the process and its output have ended.</summary>
    public Task<int> Exit { get; }

    /// <summary>
    /// Starts it and sends it <paramref name="instructions"/> as its first line. What it writes goes to
    /// <paramref name="onOutput"/>, or else into the tail with its errors.
    /// </summary>
    /// <exception cref="InvalidOperationException">It could not be started; says why.</exception>
    public static ChildProcess Start(ProcessStartInfo start, string? instructions = null, Action<string>? onOutput = null)
    {
        ChildProcess child;
        try
        {
            child = new(Process.Start(start) ?? throw new InvalidOperationException("there is no process"), onOutput);
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            throw new InvalidOperationException($"its process could not be started: {e.Message}", e);
        }

        if (instructions is not null)
        {
            child.Say(instructions);
        }
        return child;
    }

    /// <summary>Sends it a line. One that has ended says more by its exit code and its last words.</summary>
    public void Say(string line)
    {
        try
        {
            _process.StandardInput.WriteLine(line);
            _process.StandardInput.Flush();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // it has ended
        }
    }

    public void Kill() => _process.Kill(entireProcessTree: true);

    /// <summary>The last lines that it wrote.</summary>
    public string Tail(int lines = TailLines, string separator = "\n")
    {
        lock (_tail)
        {
            return string.Join(separator, _tail.TakeLast(lines));
        }
    }

    public void Dispose() => _process.Dispose();

    private async Task<int> ExitAsync(Task pumps)
    {
        await _process.WaitForExitAsync();
        await pumps;
        return _process.ExitCode;
    }

    private void Keep(string line)
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

    private static async Task PumpAsync(StreamReader reader, Action<string> take)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            take(line);
        }
    }
}
