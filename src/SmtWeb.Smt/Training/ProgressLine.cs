using System.Globalization;
using SmtWeb.Smt.Files;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Training;

/// <summary>The line on the console that tells how far a run is: rewritten in place on a terminal, one line every 10 s elsewhere.</summary>
internal sealed class ProgressLine(TextWriter console, bool terminal, TrainingSpec spec)
{
    private static readonly TimeSpan OnTerminal = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan Elsewhere = TimeSpan.FromSeconds(10);

    private readonly StatusLine line = new(console, terminal);
    private readonly long warmup = spec.Method.Warmup();
    private readonly Queue<MetricPoint> recent = new();
    private DateTimeOffset shown = DateTimeOffset.MinValue;
    private bool behind;

    /// <summary>The last distance, as text.</summary>
    public string? Distance { get; set; }

    private long Total => warmup + spec.Optimisation.Iterations;

    public void Show(IReadOnlyList<MetricPoint> points)
    {
        if (points.Count == 0) return;
        var last = points[^1];
        recent.Enqueue(last);

        // Speed over the last minute: evaluations are in it, as they are in the time that is left.
        while (recent.Count > 2 && last.Seconds - recent.Peek().Seconds > 60) recent.Dequeue();
        var now = DateTimeOffset.UtcNow;
        behind = now - shown < (terminal ? OnTerminal : Elsewhere);
        if (behind) return;
        shown = now;
        line.Show(Text(last));
    }

    /// <summary>Writes a line of its own, and leaves the progress line below it.</summary>
    public void Say(string message) => line.Say(message);

    /// <summary>Shows where the run has come to, if that is not there yet, and ends the line.</summary>
    public void End()
    {
        if (behind && recent.TryPeek(out _)) line.Show(Text(recent.Last()));
        behind = false;
        line.End();
    }

    private string Text(MetricPoint last)
    {
        var first = recent.Peek();
        var seconds = last.Seconds - first.Seconds;
        var phase = last.Iteration < warmup ? "warm-up" : "training";
        var text = string.Create(CultureInfo.InvariantCulture, $"{phase} {last.Iteration}/{Total} ({100.0 * last.Iteration / Math.Max(1, Total):F0} %)");
        if (seconds > 0)
        {
            var images = (last.ImagesSeen - first.ImagesSeen) / seconds;
            text += string.Create(CultureInfo.InvariantCulture, $" · {images:F0} images/s");
            var perSecond = (last.Iteration - first.Iteration) / seconds;
            if (perSecond > 0) text += $" · {Left(TimeSpan.FromSeconds((Total - last.Iteration) / perSecond))} left";
        }

        return Distance is null ? text : $"{text} · {Distance}";
    }

    private static string Left(TimeSpan time) => time.TotalDays >= 1
        ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalDays:F1} days")
        : time.ToString(time.TotalHours >= 1 ? @"h\:mm\:ss" : @"m\:ss", CultureInfo.InvariantCulture);
}
