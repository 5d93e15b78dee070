using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Net.Http.Headers;
using MudBlazor;

namespace SmtWeb.Web.Panel.Layout;

/// <summary>
/// The panel's look as a MudBlazor theme. Both palettes go into one style sheet and an attribute of the document says which one
/// counts: the server sets it from a cookie, a script before the first paint from the system, so that no page flashes, a change of
/// theme needs no answer of the server, the static pages of sign-in look the same, and no style element stands inline.
/// </summary>
internal static class PanelTheme
{
    private const string Radius = "6px";

    private static readonly string[] Families = ["Inter", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"];

    private static readonly byte[] Sheet = Encoding.UTF8.GetBytes(Write());

    private static readonly byte[] Packed = Pack(Sheet);

    private static readonly string Version = Convert.ToHexStringLower(SHA256.HashData(Sheet))[..12];

    /// <summary>The theme.</summary>
    internal static MudTheme Theme => new()
    {
        PaletteLight = new PaletteLight
        {
            Black = "#14161b", White = "#ffffff", Primary = "#3352c9", PrimaryContrastText = "#ffffff", Secondary = "#6a3fb0", SecondaryContrastText = "#ffffff",
            Tertiary = "#0f766e", TertiaryContrastText = "#ffffff", Info = "#1b5fa8", InfoContrastText = "#ffffff", Success = "#177245", SuccessContrastText = "#ffffff",
            Warning = "#8a5a00", WarningContrastText = "#ffffff", Error = "#b3261e", ErrorContrastText = "#ffffff", Dark = "#1a1d23", DarkContrastText = "#ffffff",
            TextPrimary = "#1a1d23", TextSecondary = "#596170", TextDisabled = "#666e7c", ActionDefault = "#596170", ActionDisabled = "#7c8493", ActionDisabledBackground = "#e9ebef",
            Background = "#f6f7f9", BackgroundGray = "#eef0f3", Surface = "#ffffff", DrawerBackground = "#ffffff", DrawerText = "#596170", DrawerIcon = "#596170",
            AppbarBackground = "#ffffff", AppbarText = "#1a1d23", LinesDefault = "#dfe2e8", LinesInputs = "#c3c8d1", TableLines = "#dfe2e8", TableHover = "#f4f5f8", TableStriped = "#f9fafb",
            Divider = "#dfe2e8", DividerLight = "#eef0f3", Skeleton = "#e9ebef", OverlayDark = "rgba(16,18,22,0.45)", GrayDefault = "#666e7c", GrayLight = "#c3c8d1", GrayLighter = "#dfe2e8", GrayDark = "#596170", GrayDarker = "#3e4552",
        },
        PaletteDark = new PaletteDark
        {
            Black = "#0c0e11", White = "#ffffff", Primary = "#93a8ff", PrimaryContrastText = "#0e1430", Secondary = "#c3a6f5", SecondaryContrastText = "#1d1233",
            Tertiary = "#5fd0c3", TertiaryContrastText = "#06231f", Info = "#82bdf7", InfoContrastText = "#081c30", Success = "#6fd39c", SuccessContrastText = "#06210f",
            Warning = "#edbf5f", WarningContrastText = "#2a1d02", Error = "#ff9c92", ErrorContrastText = "#350a06", Dark = "#e5e8ee", DarkContrastText = "#101216",
            TextPrimary = "#e5e8ee", TextSecondary = "#a2a9b7", TextDisabled = "#8a92a1", ActionDefault = "#a2a9b7", ActionDisabled = "#6f7786", ActionDisabledBackground = "#262b34",
            Background = "#101216", BackgroundGray = "#0c0e11", Surface = "#171a20", DrawerBackground = "#171a20", DrawerText = "#a2a9b7", DrawerIcon = "#a2a9b7",
            AppbarBackground = "#171a20", AppbarText = "#e5e8ee", LinesDefault = "#292e38", LinesInputs = "#3e4552", TableLines = "#292e38", TableHover = "#1c2027", TableStriped = "#191c22",
            Divider = "#292e38", DividerLight = "#222730", Skeleton = "#262b34", OverlayDark = "rgba(0,0,0,0.6)", GrayDefault = "#8a92a1", GrayLight = "#3e4552", GrayLighter = "#292e38", GrayDark = "#a2a9b7", GrayDarker = "#c6cbd5",
        },
        LayoutProperties = new LayoutProperties { DefaultBorderRadius = Radius, DrawerWidthLeft = "13.5rem", AppbarHeight = "3.25rem" },
        Typography = new Typography
        {
            Default = new DefaultTypography { FontFamily = Families, FontSize = ".875rem", FontWeight = "400", LineHeight = "1.5", LetterSpacing = "0" },
            H1 = new H1Typography { FontFamily = Families, FontSize = "1.375rem", FontWeight = "620", LineHeight = "1.25", LetterSpacing = "-.014em" },
            H2 = new H2Typography { FontFamily = Families, FontSize = "1.0625rem", FontWeight = "620", LineHeight = "1.25", LetterSpacing = "-.014em" },
            H3 = new H3Typography { FontFamily = Families, FontSize = ".9375rem", FontWeight = "620", LineHeight = "1.25", LetterSpacing = "-.014em" },
            H4 = new H4Typography { FontFamily = Families, FontSize = ".9375rem", FontWeight = "600", LineHeight = "1.3", LetterSpacing = "0" },
            H5 = new H5Typography { FontFamily = Families, FontSize = ".875rem", FontWeight = "600", LineHeight = "1.3", LetterSpacing = "0" },
            H6 = new H6Typography { FontFamily = Families, FontSize = "1rem", FontWeight = "620", LineHeight = "1.3", LetterSpacing = "-.014em" },
            Subtitle1 = new Subtitle1Typography { FontFamily = Families, FontSize = ".875rem", FontWeight = "400", LineHeight = "1.4", LetterSpacing = "0" },
            Subtitle2 = new Subtitle2Typography { FontFamily = Families, FontSize = ".8125rem", FontWeight = "580", LineHeight = "1.4", LetterSpacing = "0" },
            Body1 = new Body1Typography { FontFamily = Families, FontSize = ".875rem", FontWeight = "400", LineHeight = "1.5", LetterSpacing = "0" },
            Body2 = new Body2Typography { FontFamily = Families, FontSize = ".8125rem", FontWeight = "400", LineHeight = "1.45", LetterSpacing = "0" },
            Button = new ButtonTypography { FontFamily = Families, FontSize = ".8125rem", FontWeight = "550", LineHeight = "1.2", LetterSpacing = "0", TextTransform = "none" },
            Caption = new CaptionTypography { FontFamily = Families, FontSize = ".75rem", FontWeight = "400", LineHeight = "1.4", LetterSpacing = "0" },
            Overline = new OverlineTypography { FontFamily = Families, FontSize = ".75rem", FontWeight = "550", LineHeight = "1.4", LetterSpacing = "0", TextTransform = "none" },
        },
    };

    /// <summary>Address of the style sheet; another look makes another address.</summary>
    internal static string Link { get; } = $"/panel/theme.css?v={Version}";

    /// <summary>Answers the style sheet. It holds no data, and the page of sign-in needs it.</summary>
    internal static void MapTheme(this IEndpointRouteBuilder app) =>
        app.MapGet("/panel/theme.css", (HttpContext http) =>
        {
            http.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
            http.Response.Headers.Vary = "Accept-Encoding";
            bool packed = http.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.OrdinalIgnoreCase);
            if (packed)
            {
                http.Response.Headers.ContentEncoding = "gzip";
            }

            return Results.Bytes(packed ? Packed : Sheet, "text/css; charset=utf-8", entityTag: new EntityTagHeaderValue($"\"{Version}\""));
        }).AllowAnonymous().ExcludeFromDescription();

    /// <summary>The style sheet: what both palettes share once, light as the default, dark where the document says so.</summary>
    internal static string Write()
    {
        var light = new Variables().Of(Theme, dark: false);
        var dark = new Variables().Of(Theme, dark: true).Except(light);
        return $":root {{\n{string.Join('\n', light)}\n}}\n:root[data-theme=\"dark\"] {{\n{string.Join('\n', dark)}\n}}\n";
    }

    private static byte[] Pack(byte[] sheet)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize))
        {
            gzip.Write(sheet);
        }

        return packed.ToArray();
    }

    /// <summary>MudBlazor's own writer of the variables, for a style sheet in place of an inline style element.</summary>
    private sealed class Variables : MudThemeProvider
    {
        internal IReadOnlyList<string> Of(MudTheme theme, bool dark)
        {
#pragma warning disable BL0005, MUD0010, MUD0011 // this provider is never rendered: it has no parameters but those set here
            (Theme, IsDarkMode) = (theme, dark);
#pragma warning restore BL0005, MUD0010, MUD0011
            var css = new StringBuilder();
            GenerateTheme(css);
            return css.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        }
    }
}
