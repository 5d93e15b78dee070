using System.Globalization;
using System.Net;
using SmtWeb.Web.Auth;
using SmtWeb.Web.Cli;

namespace SmtWeb.Web.Hosting;

/// <summary>What a node does.</summary>
internal enum NodeRole
{
    /// <summary>Panel, REST and worker in one process.</summary>
    All,

    /// <summary>Panel and REST only; another node trains.</summary>
    Web,

    /// <summary>Trains only; answers nothing but <c>/health</c>.</summary>
    Worker,
}

/// <summary>
/// Settings of <c>smtweb serve</c>. Each comes from the command line, else from the environment (<c>SMTWEB_PORT</c>),
/// else from configuration (<c>SmtWeb:Port</c> in <c>appsettings.json</c>).
/// </summary>
internal sealed record ServeOptions
{
    /// <summary>TCP port of panel and REST; 0 takes a free one.</summary>
    internal int Port { get; init; } = 5080;

    /// <summary>Address to listen on: <c>localhost</c>, an IP address, or <c>*</c> for every interface.</summary>
    internal string Host { get; init; } = "localhost";

    /// <summary>Folder of the embedded database, keys and data sets; absolute.</summary>
    internal required string Data { get; init; }

    /// <summary>Folder that registered data sets lie in; absolute.</summary>
    internal string Datasets
    {
        get => field.Length > 0 ? field : Path.Combine(Data, "datasets");
        init;
    } = "";

    /// <summary>Folder of the Inception network and of cached statistics; absolute.</summary>
    internal string Metrics
    {
        get => field.Length > 0 ? field : Path.Combine(Data, "metrics");
        init;
    } = "";

    /// <summary>What this node does.</summary>
    internal NodeRole Role { get; init; }

    /// <summary>PostgreSQL connection string; empty starts the embedded PostgreSQL in <see cref="Data"/>.</summary>
    internal string Connection { get; init; } = "";

    /// <summary>CPU threads of a trainer.</summary>
    internal int Threads { get; init; } = 2;

    /// <summary>Queue the quickstart runs while the database holds no run.</summary>
    internal bool Quickstart { get; init; } = true;

    /// <summary>Names and addresses by which the site is reached; empty: those that it listens on.</summary>
    internal IReadOnlyList<string> Hosts { get; init; } = [];

    /// <summary>Proxies whose word about clients counts; empty: nobody's.</summary>
    internal IReadOnlyList<IPNetwork> Proxies { get; init; } = [];

    /// <summary>The lab's own sign-in, if it has one.</summary>
    internal LabSignInOptions? Lab { get; init; }

    /// <summary>Every member changes everybody's runs.</summary>
    internal bool OpenLab { get; init; }

    internal static IReadOnlyList<CommandOption> CommandOptions { get; } =
    [
        new("port", "N", "TCP port of panel and REST (5080; 0 takes a free one)."),
        new("host", "ADDRESS", "Address to listen on: localhost (default), an IP address, or '*' for the whole network."),
        new("data", "DIR", "Folder of the embedded database and keys (./data)."),
        new("datasets", "DIR", "Folder that data sets lie in (DATA/datasets)."),
        new("metrics", "DIR", "Folder of the FID Inception network and of cached statistics (DATA/metrics)."),
        new("role", "ROLE", "all (default), web (panel and REST only) or worker (training only)."),
        new("connection", "STRING", "PostgreSQL connection string; without one an embedded PostgreSQL is started."),
        new("threads", "N", "CPU threads of a trainer (2)."),
        new("hosts", "NAMES", "Names and addresses by which the site is reached, such as lab.example.org (those that it listens on)."),
        new("proxies", "ADDRESSES", "Proxies whose X-Forwarded headers count, such as 10.0.0.5,10.1.0.0/16 (none)."),
        new("open-lab", null, "Every member changes everybody's runs; else only their owner and administrators."),
        new("no-quickstart", null, "Do not queue the quickstart runs into an empty database."),
    ];

    /// <summary>Reads the three sources, the command line first.</summary>
    /// <exception cref="CommandLineException">A value cannot be used; names its source.</exception>
    internal static ServeOptions Read(CommandArguments arguments, IConfiguration configuration, string contentRoot)
    {
        // A folder named on the command line is relative to where the command was typed, one in appsettings.json to that file.
        var data = Folder("data") ?? Path.Combine(contentRoot, "data");
        return new ServeOptions
        {
            Port = Number("port", 5080, 0, 65535),
            Host = Text("host")?.Value ?? "localhost",
            Data = data,
            Datasets = Folder("datasets") ?? "",
            Metrics = Folder("metrics") ?? "",
            Role = (Text("role")?.Value ?? "all") switch
            {
                "all" => NodeRole.All,
                "web" => NodeRole.Web,
                "worker" => NodeRole.Worker,
                var other => throw new CommandLineException($"Role '{other}' is none of all, web, worker."),
            },
            Connection = Text("connection")?.Value ?? "",
            Threads = Number("threads", 2, 1, 1024),
            Hosts =
            [
                .. (Text("hosts")?.Value ?? "").Split(
                    [',', ';', ' '],
                    StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries
                ),
            ],
            Proxies = Text("proxies") is var (proxies, typed)
                ? ProxySetup.Parse(proxies, typed ? "Option --proxies" : "Setting SmtWeb:Proxies")
                : [],
            Lab = LabSignInOptions.Read(configuration),
            OpenLab =
                arguments.Has("open-lab") || (configuration["SmtWeb:OpenLab"] is { Length: > 0 } open && ParseSwitch("OpenLab", open)),
            Quickstart =
                !arguments.Has("no-quickstart")
                && (configuration["SmtWeb:Quickstart"] is not { } quickstart || ParseSwitch("Quickstart", quickstart)),
        };

        (string Value, bool FromCommandLine)? Text(string name) =>
            arguments.Text(name) is { Length: > 0 } typed ? (typed, true)
            : configuration[$"SmtWeb:{name}"] is { Length: > 0 } configured ? (configured, false)
            : null;

        string? Folder(string name) =>
            Text(name) is var (folder, fromCommandLine)
                ? Path.GetFullPath(folder, fromCommandLine ? Environment.CurrentDirectory : contentRoot)
                : null;

        int Number(string name, int otherwise, int min, int max)
        {
            if (Text(name) is not var (text, fromCommandLine))
            {
                return otherwise;
            }

            var source = fromCommandLine ? $"Option --{name}" : $"Setting SmtWeb:{name}";
            return
                int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
                && value >= min
                && value <= max
                ? value
                : throw new CommandLineException($"{source}: '{text}' is not a whole number from {min} to {max}.");
        }
    }

    private static bool ParseSwitch(string name, string text) =>
        bool.TryParse(text, out var value)
            ? value
            : throw new CommandLineException($"Setting SmtWeb:{name}: '{text}' is neither true nor false.");
}
