using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Net.Http.Headers;
using MudBlazor;

namespace SmtWeb.Web.Panel.Layout;

/// <summary>
/// Both palettes of the theme in one style sheet; an attribute of the document says which one counts. The server sets it from a
/// cookie, a script before the first paint from the system, so that no page flashes, a change of theme needs no answer of the
/// server, the static pages of sign-in look the same, and no style element stands inline.
/// </summary>
internal static class ThemeSheet
{
    private static readonly byte[] Sheet = Encoding.UTF8.GetBytes(Write());

    private static readonly byte[] Packed = Pack(Sheet);

    private static readonly string Version = Convert.ToHexStringLower(SHA256.HashData(Sheet))[..12];

    /// <summary>Address of the style sheet; another look makes another address.</summary>
    internal static string Link { get; } = $"/panel/theme.css?v={Version}";

    /// <summary>Answers the style sheet. It holds no data, and the page of sign-in needs it.</summary>
    internal static void MapTheme(this IEndpointRouteBuilder app) =>
        app.MapGet(
                "/panel/theme.css",
                (HttpContext http) =>
                {
                    http.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
                    http.Response.Headers.Vary = "Accept-Encoding";
                    bool packed = http.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.OrdinalIgnoreCase);
                    if (packed)
                    {
                        http.Response.Headers.ContentEncoding = "gzip";
                    }

                    return Results.Bytes(
                        packed ? Packed : Sheet,
                        "text/css; charset=utf-8",
                        entityTag: new EntityTagHeaderValue($"\"{Version}\"")
                    );
                }
            )
            .AllowAnonymous()
            .ExcludeFromDescription();

    /// <summary>The style sheet: what both palettes share once, light as the default, dark where the document says so.</summary>
    internal static string Write()
    {
        var light = new Variables().Of(PanelTheme.Theme, dark: false);
        var dark = new Variables().Of(PanelTheme.Theme, dark: true).Except(light);
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
