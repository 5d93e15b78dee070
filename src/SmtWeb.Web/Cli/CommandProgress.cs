using System.Diagnostics;
using SmtWeb.Measures.Statistics;

namespace SmtWeb.Web.Cli;

/// <summary>How far a measurement is.</summary>
internal sealed class CommandProgress : IDisposable
{
    private readonly ErrorLine _line = new();
    private long _started = Stopwatch.GetTimestamp();
    private long _last = Stopwatch.GetTimestamp();
    private string _what = "";

    /// <summary>Tells where a measurement stands.</summary>
    internal void Report(MeasureProgress progress)
    {
        // the first report comes after the first batch: what is measured began when the one before it ended
        if (progress.What != _what)
        {
            (_what, _started) = (progress.What, _last);
        }
        _last = Stopwatch.GetTimestamp();
        _line.Show(() =>
        {
            var rate = progress.Done / Math.Max(0.001, Stopwatch.GetElapsedTime(_started).TotalSeconds);
            var left = rate > 0 ? TimeSpan.FromSeconds((progress.Total - progress.Done) / rate) : TimeSpan.Zero;
            return $"{progress.What}: {progress.Done:N0} of {progress.Total:N0} ({100.0 * progress.Done / Math.Max(1, progress.Total):F0} "
                + $"%), {rate:F0} a second, {left:hh\\:mm\\:ss} left";
        });
    }

    /// <summary>Removes the line.</summary>
    internal void Clear() => _line.Clear();

    /// <inheritdoc/>
    public void Dispose() => _line.Dispose();
}
