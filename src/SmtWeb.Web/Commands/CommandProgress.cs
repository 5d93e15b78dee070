using System.Diagnostics;
using SmtWeb.Smt.Metrics.Statistics;

namespace SmtWeb.Web.Commands;

/// <summary>Progress of a long command on standard error: one line that changes on a terminal, a line now and then elsewhere.</summary>
internal sealed class CommandProgress(bool quietOnFile) : IDisposable
{
    private static readonly TimeSpan TerminalEvery = TimeSpan.FromMilliseconds(200), FileEvery = TimeSpan.FromSeconds(10);
    private readonly bool terminal = !Console.IsErrorRedirected;
    private long told = Stopwatch.GetTimestamp();
    private long started = Stopwatch.GetTimestamp();
    private string what = "";
    private int width;

    /// <summary>Tells where a measurement stands.</summary>
    internal void Report(MeasureProgress progress)
    {
        if (progress.What != what) (what, started) = (progress.What, Stopwatch.GetTimestamp());
        if (Stopwatch.GetElapsedTime(told) < (terminal ? TerminalEvery : FileEvery)) return;
        told = Stopwatch.GetTimestamp();
        var rate = progress.Done / Math.Max(0.001, Stopwatch.GetElapsedTime(started).TotalSeconds);
        var left = rate > 0 ? TimeSpan.FromSeconds((progress.Total - progress.Done) / rate) : TimeSpan.Zero;
        var text = $"{progress.What}: {progress.Done:N0} of {progress.Total:N0} ({100.0 * progress.Done / Math.Max(1, progress.Total):F0} %), {rate:F0} a second, {left:hh\\:mm\\:ss} left";
        if (terminal) Console.Error.Write($"\r{text.PadRight(width)}");
        else if (!quietOnFile) Console.Error.WriteLine(text);
        width = Math.Max(width, text.Length);
    }

    /// <summary>Removes the line.</summary>
    internal void Clear()
    {
        if (terminal && width > 0) Console.Error.Write($"\r{new string(' ', width)}\r");
        width = 0;
    }

    /// <inheritdoc/>
    public void Dispose() => Clear();
}
