namespace SmtWeb.Web.Panel.Shared;

/// <summary>The panel's pictures, one line of a pen each, as MudBlazor's Icon parameters take them.</summary>
public static class PanelIcons
{
    private static readonly Dictionary<string, string> Paths = new()
    {
        ["menu"] = "M4 7h16M4 12h16M4 17h16",
        ["list"] = "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
        ["plus"] = "M12 5v14M5 12h14",
        ["grid"] = "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
        ["compare"] = "M4 18l5-9 4 6 3-5 4 8M4 6h7M15 6h5",
        ["image"] = "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.01",
        ["layers"] = "M12 4l9 5-9 5-9-5zM3 14l9 5 9-5",
        ["data"] =
            "M5 6c0-1.700 3.100-3 7-3s7 1.300 7 3-3.100 3-7 3-7-1.300-7-3zM5 6v12c0 1.700 3.100 3 7 3s7-1.300 7-3V6M5 12c0 1.700 3.100 "
            + "3 7 3s7-1.300 7-3",
        ["users"] =
            "M9 11a3 3 0 100-6 3 3 0 000 6zM3 20c0-3.3 2.7-6 6-6s6 2.700 6 6M16 5.200a3 3 0 010 5.600M18 14.500c1.800.900 3 2.900 3 5.500",
        ["key"] = "M14.500 13.500a4.500 4.500 0 10-4-4L4 16v4h4v-3h3v-3z",
        ["theme"] = "M12 3v18a9 9 0 000-18zM12 3a9 9 0 100 18",
        ["pause"] = "M9 5v14M15 5v14",
        ["play"] = "M7 5l12 7-12 7z",
        ["stop"] = "M6 6h12v12H6z",
        ["copy"] = "M9 9h11v11H9zM5 15H4V4h11v1",
        ["trash"] = "M5 7h14M10 11v6M14 11v6M6 7l1 13h10l1-13M9 7V4h6v3",
        ["up"] = "M12 19V6M6 11l6-6 6 6",
        ["edit"] = "M5 19l1-4L16 5l3 3L9 18zM14 7l3 3",
        ["download"] = "M12 4v11M7 11l5 5 5-5M5 20h14",
        ["search"] = "M11 18a7 7 0 100-14 7 7 0 000 14zM16 16l4 4",
        ["check"] = "M5 13l4 4L19 7",
        ["jobs"] = "M4 5h16v5H4zM4 14h16v5H4zM7.500 7.500h.01M7.500 16.500h.01M11 7.500h6M11 16.500h6",
        ["more"] = "M12 5.500h.01M12 12h.01M12 18.500h.01",
        ["close"] = "M6 6l12 12M18 6L6 18",
        ["down"] = "M6 9l6 6 6-6",
        ["left"] = "M15 6l-6 6 6 6",
        ["minus"] = "M5 12h14",
        ["right"] = "M9 6l6 6-6 6",
        ["upload"] = "M12 20V9M7 13l5-5 5 5M5 4h14",
        ["undo"] = "M4 9h10a5 5 0 010 10H8M4 9l4-4M4 9l4 4",
        ["fork"] = "M7 4v6a4 4 0 004 4h6M7 10v10M14 11l3 3-3 3",
        ["clock"] = "M12 3a9 9 0 100 18 9 9 0 000-18zM12 7v5l3 2",
        ["warning"] = "M12 4l9 16H3zM12 10v4M12 17h.01",
        ["log"] = "M6 4h12v16H6zM9 9h6M9 13h6M9 17h3",
    };

    /// <summary>Opens the navigation.</summary>
    public static string Menu { get; } = Draw("menu");

    /// <summary>Runs.</summary>
    public static string List { get; } = Draw("list");

    /// <summary>Something new.</summary>
    public static string Plus { get; } = Draw("plus");

    /// <summary>Sweeps.</summary>
    public static string Grid { get; } = Draw("grid");

    /// <summary>Runs over each other.</summary>
    public static string Compare { get; } = Draw("compare");

    /// <summary>Pictures.</summary>
    public static string Image { get; } = Draw("image");

    /// <summary>Models.</summary>
    public static string Layers { get; } = Draw("layers");

    /// <summary>Data sets.</summary>
    public static string Data { get; } = Draw("data");

    /// <summary>People.</summary>
    public static string Users { get; } = Draw("users");

    /// <summary>Keys.</summary>
    public static string Key { get; } = Draw("key");

    /// <summary>Light and dark.</summary>
    public static string Theme { get; } = Draw("theme");

    /// <summary>Pause.</summary>
    public static string Pause { get; } = Draw("pause");

    /// <summary>Go on.</summary>
    public static string Play { get; } = Draw("play");

    /// <summary>End.</summary>
    public static string Stop { get; } = Draw("stop");

    /// <summary>Copy.</summary>
    public static string Copy { get; } = Draw("copy");

    /// <summary>Delete.</summary>
    public static string Trash { get; } = Draw("trash");

    /// <summary>Higher.</summary>
    public static string Up { get; } = Draw("up");

    /// <summary>Change.</summary>
    public static string Edit { get; } = Draw("edit");

    /// <summary>Save.</summary>
    public static string Download { get; } = Draw("download");

    /// <summary>Find.</summary>
    public static string Search { get; } = Draw("search");

    /// <summary>Done.</summary>
    public static string Check { get; } = Draw("check");

    /// <summary>Background jobs.</summary>
    public static string Jobs { get; } = Draw("jobs");

    /// <summary>What else can be done.</summary>
    public static string More { get; } = Draw("more");

    /// <summary>Close.</summary>
    public static string Close { get; } = Draw("close");

    /// <summary>Unfold.</summary>
    public static string Down { get; } = Draw("down");

    /// <summary>Next.</summary>
    public static string Right { get; } = Draw("right");

    /// <summary>The one before.</summary>
    public static string Left { get; } = Draw("left");

    /// <summary>Less.</summary>
    public static string Minus { get; } = Draw("minus");

    /// <summary>Give a file.</summary>
    public static string Upload { get; } = Draw("upload");

    /// <summary>Take back.</summary>
    public static string Undo { get; } = Draw("undo");

    /// <summary>A new run from a checkpoint.</summary>
    public static string Fork { get; } = Draw("fork");

    /// <summary>Time.</summary>
    public static string Clock { get; } = Draw("clock");

    /// <summary>Look here.</summary>
    public static string Warning { get; } = Draw("warning");

    /// <summary>The log.</summary>
    public static string Log { get; } = Draw("log");

    /// <summary>The line of a picture.</summary>
    internal static string Path(string name) => Paths[name];

    private static string Draw(string name) =>
        $"<path d=\"{Paths[name]}\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.8\" stroke-linecap=\"round\" "
        + "stroke-linejoin=\"round\"/>";
}
