using System.Globalization;
using SmtWeb.Smt.Session;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>Numbers and times as the panel writes them.</summary>
public static class Format
{
    private static readonly CultureInfo English = CultureInfo.InvariantCulture;

    /// <summary>12,345.</summary>
    public static string Count(long value) => value.ToString("N0", English);

    /// <summary>Four significant digits; "–" where there is none.</summary>
    public static string Number(double? value) =>
        value switch
        {
            null => "–",
            double v when double.IsNaN(v) => "NaN",
            double v when double.IsInfinity(v) => v > 0 ? "∞" : "−∞",
            double v when v != 0 && (Math.Abs(v) < 1e-3 || Math.Abs(v) >= 1e6) => v.ToString("0.00e+0", English),
            double v => v.ToString("G4", English),
        };

    /// <summary>One decimal, as speeds and FIDs are quoted.</summary>
    public static string OneDecimal(double? value) => value is { } v ? v.ToString("N1", English) : "–";

    /// <summary>A distance of a metric: FID with one decimal, others with four digits.</summary>
    public static string Distance(string? metric, double? value) => metric == "fid" ? OneDecimal(value) : Number(value);

    /// <summary>Name of a distance for people.</summary>
    public static string MetricName(string? metric) =>
        metric switch
        {
            "fid" => "FID",
            "sw2" => "SW₂",
            "swd" => "pixel SW₂",
            "kid" => "KID",
            "precision" => "Precision",
            "recall" => "Recall",
            "inception-score" => "Inception score",
            null => "",
            _ => metric,
        };

    /// <summary>45 s, 12 min, 3 h 05 min, 2 d 4 h.</summary>
    public static string Duration(double seconds)
    {
        var time = TimeSpan.FromSeconds(Math.Max(0, seconds));
        return time.TotalSeconds < 90 ? $"{time.TotalSeconds:0} s"
            : time.TotalMinutes < 90 ? $"{time.TotalMinutes:0} min"
            : time.TotalHours < 36 ? $"{(int)time.TotalHours} h {time.Minutes:00} min"
            : $"{(int)time.TotalDays} d {time.Hours} h";
    }

    /// <summary>How long ago.</summary>
    public static string Ago(DateTimeOffset at, DateTimeOffset now) =>
        (now - at).TotalSeconds < 10 ? "just now" : Duration((now - at).TotalSeconds) + " ago";

    /// <summary>Sizes in binary units.</summary>
    public static string Bytes(long bytes) =>
        bytes switch
        {
            < 1024 => $"{bytes} B",
            < 1024 * 1024 => (bytes / 1024.0).ToString("0.0 'KiB'", English),
            < 1024L * 1024 * 1024 => (bytes / 1048576.0).ToString("0.0 'MiB'", English),
            _ => (bytes / 1073741824.0).ToString("0.00 'GiB'", English),
        };

    /// <summary>A moment, in UTC, to the second.</summary>
    public static string Moment(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", English);

    /// <summary>The distance of a run with its name, or a dash.</summary>
    public static string Distance(EvaluationRecord? record) =>
        record is null ? "–" : $"{MetricName(record.Metric)} {Distance(record.Metric, record.Value)}";
}
