using System.Globalization;
using System.Text.RegularExpressions;
using SmtWeb.Web.Panel.Layout;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Panel.Tests;

/// <summary>Small things that every page uses.</summary>
public sealed class SharedTests
{
    private static readonly DateTimeOffset At = new(2026, 11, 29, 23, 30, 5, TimeSpan.Zero);

    [Theory]
    [InlineData("plain name, naïve 猫 🐈", "plain name, naïve 猫 🐈")]
    [InlineData("a\u202Eb", "a[U+202E]b")]
    [InlineData("a\u2066b\u2069", "a[U+2066]b[U+2069]")]
    [InlineData("zero\u200Bwidth\uFEFF", "zero[U+200B]width[U+FEFF]")]
    [InlineData("soft\u00ADhyphen", "soft[U+00AD]hyphen")]
    [InlineData("line\nbreak\u2028", "line[U+000A]break[U+2028]")]
    [InlineData("\u3164", "[U+3164]")]
    [InlineData("👩\u200D🔬", "👩\u200D🔬")]
    [InlineData("a\u200Db", "a[U+200D]b")]
    [InlineData(null, "")]
    public void VisibleText_HiddenCharacters_StandAsTheirCode(string? name, string shown) => Assert.Equal(shown, VisibleText.Of(name));

    [Fact]
    public void BrowserTime_ZoneOfTheBrowser_ShiftsMomentsAndIsNamed()
    {
        var berlin = BrowserTime.Of("Europe/Berlin");
        Assert.Equal("2026-11-30 00:30:05", berlin.Moment(At));
        Assert.Equal("Europe/Berlin, UTC+1", berlin.Zone(At));
        Assert.Equal("Asia/Kolkata, UTC+5:30", BrowserTime.Of("Asia/Kolkata").Zone(At));
        Assert.Equal("America/New_York, UTC−5", BrowserTime.Of("America/New_York").Zone(At));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("No/Where")]
    [InlineData("../../etc/passwd")]
    public void BrowserTime_UnknownZone_IsUtc(string? zone)
    {
        Assert.Equal("UTC", BrowserTime.Of(zone).Zone(At));
        Assert.Equal("2026-11-29 23:30:05", BrowserTime.Of(zone).Moment(At));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Theme_TextOnEverySurface_CanBeRead(bool dark)
    {
        var colours = Variables(dark);
        foreach (
            var text in new[]
            {
                "text-primary",
                "text-secondary",
                "text-disabled",
                "primary",
                "success",
                "warning",
                "error",
                "info",
                "secondary",
            }
        )
        {
            foreach (var surface in new[] { "surface", "background" })
            {
                var contrast = Contrast(colours[text], colours[surface]);
                Assert.True(
                    contrast >= 4.5,
                    $"{text} on {surface} has a contrast of {contrast:0.00} in the {(dark ? "dark" : "light")} palette."
                );
            }
        }

        foreach (var tone in new[] { "primary", "error", "success", "warning", "info" })
        {
            Assert.True(Contrast(colours[tone + "-text"], colours[tone]) >= 4.5, $"Words on {tone} cannot be read.");
        }
    }

    private static Dictionary<string, (double R, double G, double B)> Variables(bool dark)
    {
        var sheet = ThemeSheet.Write();
        var colours = new Dictionary<string, (double, double, double)>();
        foreach (var part in sheet.Split(":root[data-theme=\"dark\"]")[..(dark ? 2 : 1)])
        {
            foreach (Match m in Regex.Matches(part, @"--mud-palette-([a-z-]+): rgba\((\d+),(\d+),(\d+),1\)"))
            {
                colours[m.Groups[1].Value] = (Number(m, 2), Number(m, 3), Number(m, 4));
            }
        }

        return colours;
    }

    private static double Number(Match m, int group) => double.Parse(m.Groups[group].Value, CultureInfo.InvariantCulture);

    // WCAG 2: relative luminance and contrast ratio
    private static double Contrast((double R, double G, double B) a, (double R, double G, double B) b)
    {
        var (x, y) = (Luminance(a), Luminance(b));
        return (Math.Max(x, y) + 0.05) / (Math.Min(x, y) + 0.05);
    }

    private static double Luminance((double R, double G, double B) c) => 0.2126 * Linear(c.R) + 0.7152 * Linear(c.G) + 0.0722 * Linear(c.B);

    private static double Linear(double channel) => channel / 255 is var v && v <= 0.04045 ? v / 12.92 : Math.Pow((v + 0.055) / 1.055, 2.4);
}
