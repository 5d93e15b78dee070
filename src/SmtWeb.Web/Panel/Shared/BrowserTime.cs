using System.Globalization;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>
/// Times as the person at the browser reads them: in the browser's own zone. Which one that is stands once on every page, and
/// UTC, which REST, files and logs use, in the tooltip of each time.
/// </summary>
public sealed class BrowserTime
{
    private readonly TimeZoneInfo _zone;

    private BrowserTime(TimeZoneInfo zone) => _zone = zone;

    /// <summary>Where the browser tells no zone.</summary>
    public static BrowserTime Utc { get; } = new(TimeZoneInfo.Utc);

    /// <summary>For a zone by its IANA name; UTC where this machine does not know it.</summary>
    public static BrowserTime Of(string? zone) =>
        zone is { Length: > 0 and < 64 } && TimeZoneInfo.TryFindSystemTimeZoneById(zone, out var found) ? new(found) : Utc;

    /// <summary>Name of the zone and its distance from UTC now: "Europe/Berlin, UTC+1".</summary>
    public string Zone(DateTimeOffset now) => _zone == TimeZoneInfo.Utc ? "UTC" : $"{_zone.Id}, {Offset(_zone.GetUtcOffset(now))}";

    /// <summary>2026-11-29 16:33:17.</summary>
    public string Moment(DateTimeOffset at) => Write(at, "yyyy-MM-dd HH:mm:ss");

    /// <summary>11-29 16:33:17, where the year is known.</summary>
    public string Short(DateTimeOffset at) => Write(at, "MM-dd HH:mm:ss");

    /// <summary>2026-11-29.</summary>
    public string Day(DateTimeOffset at) => Write(at, "yyyy-MM-dd");

    private string Write(DateTimeOffset at, string format) =>
        TimeZoneInfo.ConvertTime(at, _zone).ToString(format, CultureInfo.InvariantCulture);

    private static string Offset(TimeSpan offset) =>
        $"UTC{(offset < TimeSpan.Zero ? "−" : "+")}{Math.Abs(offset.Hours)}{(offset.Minutes == 0 ? "" : $":{Math.Abs(offset.Minutes):00}")}";
}
