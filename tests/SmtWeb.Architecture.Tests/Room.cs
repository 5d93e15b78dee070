namespace SmtWeb.Architecture.Tests;

/// <summary>
/// A room of the design (docs/adr/0013-rooms.md): which other rooms it may name, and which libraries never enter it.
/// <paramref name="Forbidden"/> are prefixes of assembly names; each stands with its reason.
/// </summary>
internal sealed record Room(string Name, string Project, string[] MayUse, params (string Prefix, string Reason)[] Forbidden)
{
    private const string NoDatabase = "the method runs from the shell without a database";
    private const string NoPages = "what trains and stores does not know that there are pages";

    public static IReadOnlyList<Room> All { get; } =
    [
        new(
            "SmtWeb.Torch",
            "src/SmtWeb.Torch",
            [],
            ("Npgsql", NoDatabase),
            ("Microsoft.EntityFrameworkCore", NoDatabase),
            ("Microsoft.AspNetCore", NoPages),
            ("MudBlazor", NoPages)
        ),
        new(
            "SmtWeb.Data",
            "src/SmtWeb.Data",
            ["SmtWeb.Torch"],
            ("Npgsql", NoDatabase),
            ("Microsoft.EntityFrameworkCore", NoDatabase),
            ("Microsoft.AspNetCore", NoPages),
            ("MudBlazor", NoPages)
        ),
        new(
            "SmtWeb.Measures",
            "src/SmtWeb.Measures",
            ["SmtWeb.Data", "SmtWeb.Torch"],
            ("Npgsql", NoDatabase),
            ("Microsoft.EntityFrameworkCore", NoDatabase),
            ("Microsoft.AspNetCore", NoPages),
            ("MudBlazor", NoPages),
            ("SixLabors.ImageSharp", "pictures are read and written by SmtWeb.Data")
        ),
        new(
            "SmtWeb.Smt",
            "src/SmtWeb.Smt",
            ["SmtWeb.Measures", "SmtWeb.Data", "SmtWeb.Torch"],
            ("Npgsql", NoDatabase),
            ("Microsoft.EntityFrameworkCore", NoDatabase),
            ("Microsoft.AspNetCore", NoPages),
            ("MudBlazor", NoPages)
        ),
        new(
            "SmtWeb.Runs",
            "src/SmtWeb.Runs",
            ["SmtWeb.Smt", "SmtWeb.Measures", "SmtWeb.Data"],
            ("Microsoft.AspNetCore.Components", NoPages),
            ("Microsoft.AspNetCore.Mvc", NoPages),
            ("Microsoft.AspNetCore.SignalR", NoPages),
            ("MudBlazor", NoPages)
        ),
        new("SmtWeb.Migrations", "migrations", ["SmtWeb.Runs"], ("MudBlazor", NoPages)),
        new(
            "SmtWeb.Worker",
            "src/SmtWeb.Worker",
            ["SmtWeb.Migrations", "SmtWeb.Runs", "SmtWeb.Smt", "SmtWeb.Measures", "SmtWeb.Data", "SmtWeb.Torch"],
            ("Microsoft.AspNetCore.Components", NoPages),
            ("Microsoft.AspNetCore.Mvc", NoPages),
            ("Microsoft.AspNetCore.SignalR", NoPages),
            ("MudBlazor", NoPages)
        ),
        new(
            "smtweb",
            "src/SmtWeb.Web",
            ["SmtWeb.Worker", "SmtWeb.Migrations", "SmtWeb.Runs", "SmtWeb.Smt", "SmtWeb.Measures", "SmtWeb.Data"],
            ("Npgsql", "pages and endpoints ask SmtWeb.Runs; they never speak to the database themselves")
        ),
    ];

    public string AssemblyFile => Path.Combine(AppContext.BaseDirectory, Name + ".dll");
}
