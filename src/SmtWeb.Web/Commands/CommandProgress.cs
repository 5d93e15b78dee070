using System.Diagnostics;
using SmtWeb.Smt.Metrics.Statistics;

namespace SmtWeb.Web.Commands;

/// <summary>How far a measurement is.</summary>
internal sealed class CommandProgress : IDisposable
{
    private readonly ErrorLine line = new();
    private long started = Stopwatch.GetTimestamp();
    private long last = Stopwatch.GetTimestamp();
    private string what = "";

    /// <summary>Tells where a measurement stands.</summary>
    internal void Report(MeasureProgress progress)
    {
        // the first report comes after the first batch: what is measured began when the one before it ended
        if (progress.What != what) (what, started) = (progress.What, last);
        last = Stopwatch.GetTimestamp();
        line.Show(() =>
        {
            var rate = progress.Done / Math.Max(0.001, Stopwatch.GetElapsedTime(started).TotalSeconds);
            var left = rate > 0 ? TimeSpan.FromSeconds((progress.Total - progress.Done) / rate) : TimeSpan.Zero;
            return $"{progress.What}: {progress.Done:N0} of {progress.Total:N0} ({100.0 * progress.Done / Math.Max(1, progress.Total):F0} %), {rate:F0} a second, {left:hh\\:mm\\:ss} left";
        });
    }

    /// <summary>Removes the line.</summary>
    internal void Clear() => line.Clear();

    /// <inheritdoc/>
    public void Dispose() => line.Dispose();
}
