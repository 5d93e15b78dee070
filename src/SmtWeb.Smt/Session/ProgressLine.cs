using System.Globalization;
using SmtWeb.Data.Files;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Session;

/// <summary>The line on the console that tells how far a run is: rewritten in place on a terminal, one line every 10 s elsewhere.</summary>
internal sealed class ProgressLine(TextWriter console, bool terminal, TrainingSpec spec)
{
    private static readonly TimeSpan OnTerminal = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan Elsewhere = TimeSpan.FromSeconds(10);

    private readonly StatusLine _line = new(console, terminal);
    private readonly long _warmup = spec.Method.Warmup();
    private readonly Queue<MetricPoint> _recent = new();
    private DateTimeOffset _shown = DateTimeOffset.MinValue;
    private bool _behind;

    /// <summary>The last distance, as text.</summary>
    public string? Distance { get; set; }

    private long Total => _warmup + spec.Optimisation.Iterations;

    public void Show(IReadOnlyList<MetricPoint> points)
    {
        if (points.Count == 0)
        {
            return;
        }
        var last = points[^1];
        _recent.Enqueue(last);

        // Speed over the last minute: evaluations are in it, as they are in the time that is left.
        while (_recent.Count > 2 && last.Seconds - _recent.Peek().Seconds > 60)
        {
            _recent.Dequeue();
        }
        var now = DateTimeOffset.UtcNow;
        _behind = now - _shown < (terminal ? OnTerminal : Elsewhere);
        if (_behind)
        {
            return;
        }
        _shown = now;
        _line.Show(Text(last));
    }

    /// <summary>Writes a line of its own, and leaves the progress line below it.</summary>
    public void Say(string message) => _line.Say(message);

    /// <summary>Shows where the run has come to, if that is not there yet, and ends the line.</summary>
    public void End()
    {
        if (_behind && _recent.TryPeek(out _))
        {
            _line.Show(Text(_recent.Last()));
        }
        _behind = false;
        _line.End();
    }

    private string Text(MetricPoint last)
    {
        var first = _recent.Peek();
        var seconds = last.Seconds - first.Seconds;
        var phase = last.Iteration < _warmup ? "warm-up" : "training";
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"{phase} {last.Iteration}/{Total} ({100.0 * last.Iteration / Math.Max(1, Total):F0} %)"
        );
        if (seconds > 0)
        {
            var images = (last.ImagesSeen - first.ImagesSeen) / seconds;
            text += string.Create(CultureInfo.InvariantCulture, $" · {images:F0} images/s");
            var perSecond = (last.Iteration - first.Iteration) / seconds;
            if (perSecond > 0)
            {
                text += $" · {Left(TimeSpan.FromSeconds((Total - last.Iteration) / perSecond))} left";
            }
        }

        return Distance is null ? text : $"{text} · {Distance}";
    }

    private static string Left(TimeSpan time) =>
        time.TotalDays >= 1
            ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalDays:F1} days")
            : time.ToString(time.TotalHours >= 1 ? @"h\:mm\:ss" : @"m\:ss", CultureInfo.InvariantCulture);
}
