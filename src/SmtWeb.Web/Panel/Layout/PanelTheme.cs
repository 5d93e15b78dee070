using MudBlazor;

namespace SmtWeb.Web.Panel.Layout;

/// <summary>The panel's look as a MudBlazor theme; <see cref="ThemeSheet"/> makes a style sheet of it.</summary>
internal static class PanelTheme
{
    private static readonly string[] Families = ["Inter", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"];

    /// <summary>The theme.</summary>
    internal static MudTheme Theme { get; } =
        new()
        {
            PaletteLight = new PaletteLight
            {
                Black = "#14161b",
                White = "#ffffff",
                Primary = "#3352c9",
                PrimaryContrastText = "#ffffff",
                Secondary = "#6a3fb0",
                SecondaryContrastText = "#ffffff",
                Tertiary = "#0f766e",
                TertiaryContrastText = "#ffffff",
                Info = "#1b5fa8",
                InfoContrastText = "#ffffff",
                Success = "#177245",
                SuccessContrastText = "#ffffff",
                Warning = "#8a5a00",
                WarningContrastText = "#ffffff",
                Error = "#b3261e",
                ErrorContrastText = "#ffffff",
                Dark = "#1a1d23",
                DarkContrastText = "#ffffff",
                TextPrimary = "#1a1d23",
                TextSecondary = "#596170",
                TextDisabled = "#666e7c",
                ActionDefault = "#596170",
                ActionDisabled = "#7c8493",
                ActionDisabledBackground = "#e9ebef",
                Background = "#f6f7f9",
                BackgroundGray = "#eef0f3",
                Surface = "#ffffff",
                DrawerBackground = "#ffffff",
                DrawerText = "#596170",
                DrawerIcon = "#596170",
                AppbarBackground = "#ffffff",
                AppbarText = "#1a1d23",
                LinesDefault = "#dfe2e8",
                LinesInputs = "#c3c8d1",
                TableLines = "#dfe2e8",
                TableHover = "#f4f5f8",
                TableStriped = "#f9fafb",
                Divider = "#dfe2e8",
                DividerLight = "#eef0f3",
                Skeleton = "#e9ebef",
                OverlayDark = "rgba(16,18,22,0.45)",
                GrayDefault = "#666e7c",
                GrayLight = "#c3c8d1",
                GrayLighter = "#dfe2e8",
                GrayDark = "#596170",
                GrayDarker = "#3e4552",
            },
            PaletteDark = new PaletteDark
            {
                Black = "#0c0e11",
                White = "#ffffff",
                Primary = "#93a8ff",
                PrimaryContrastText = "#0e1430",
                Secondary = "#c3a6f5",
                SecondaryContrastText = "#1d1233",
                Tertiary = "#5fd0c3",
                TertiaryContrastText = "#06231f",
                Info = "#82bdf7",
                InfoContrastText = "#081c30",
                Success = "#6fd39c",
                SuccessContrastText = "#06210f",
                Warning = "#edbf5f",
                WarningContrastText = "#2a1d02",
                Error = "#ff9c92",
                ErrorContrastText = "#350a06",
                Dark = "#e5e8ee",
                DarkContrastText = "#101216",
                TextPrimary = "#e5e8ee",
                TextSecondary = "#a2a9b7",
                TextDisabled = "#8a92a1",
                ActionDefault = "#a2a9b7",
                ActionDisabled = "#6f7786",
                ActionDisabledBackground = "#262b34",
                Background = "#101216",
                BackgroundGray = "#0c0e11",
                Surface = "#171a20",
                DrawerBackground = "#171a20",
                DrawerText = "#a2a9b7",
                DrawerIcon = "#a2a9b7",
                AppbarBackground = "#171a20",
                AppbarText = "#e5e8ee",
                LinesDefault = "#292e38",
                LinesInputs = "#3e4552",
                TableLines = "#292e38",
                TableHover = "#1c2027",
                TableStriped = "#191c22",
                Divider = "#292e38",
                DividerLight = "#222730",
                Skeleton = "#262b34",
                OverlayDark = "rgba(0,0,0,0.6)",
                GrayDefault = "#8a92a1",
                GrayLight = "#3e4552",
                GrayLighter = "#292e38",
                GrayDark = "#a2a9b7",
                GrayDarker = "#c6cbd5",
            },
            LayoutProperties = new LayoutProperties
            {
                DefaultBorderRadius = "6px",
                DrawerWidthLeft = "13.5rem",
                AppbarHeight = "3.25rem",
            },
            Typography = new Typography
            {
                Default = Type<DefaultTypography>(".875rem", "400", "1.5"),
                H1 = Type<H1Typography>("1.375rem", "620", "1.25", "-.014em"),
                H2 = Type<H2Typography>("1.0625rem", "620", "1.25", "-.014em"),
                H3 = Type<H3Typography>(".9375rem", "620", "1.25", "-.014em"),
                H4 = Type<H4Typography>(".9375rem", "600", "1.3"),
                H5 = Type<H5Typography>(".875rem", "600", "1.3"),
                H6 = Type<H6Typography>("1rem", "620", "1.3", "-.014em"),
                Subtitle1 = Type<Subtitle1Typography>(".875rem", "400", "1.4"),
                Subtitle2 = Type<Subtitle2Typography>(".8125rem", "580", "1.4"),
                Body1 = Type<Body1Typography>(".875rem", "400", "1.5"),
                Body2 = Type<Body2Typography>(".8125rem", "400", "1.45"),
                Button = Type<ButtonTypography>(".8125rem", "550", "1.2"),
                Caption = Type<CaptionTypography>(".75rem", "400", "1.4"),
                Overline = Type<OverlineTypography>(".75rem", "550", "1.4"),
            },
        };

    private static T Type<T>(string size, string weight, string line, string spacing = "0")
        where T : BaseTypography, new() =>
        new()
        {
            FontFamily = Families,
            FontSize = size,
            FontWeight = weight,
            LineHeight = line,
            LetterSpacing = spacing,
            TextTransform = "none",
        };
}
