using System.Text.Json;
using SmtWeb.Measures;

namespace SmtWeb.Web.Cli;

/// <summary>Options that <c>stats</c> and <c>evaluate</c> share.</summary>
internal sealed record MetricsArguments(string? Network, string Folder, bool Json)
{
    internal const string DatasetHelp = "fashion-mnist, or the path of a folder, zip, LMDB, CIFAR-10 or IDX data set.";

    internal static readonly JsonSerializerOptions JsonOptions = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    internal static IReadOnlyList<CommandOption> Options { get; } =
    [
        new("network", "NAME", $"Feature network: {string.Join(", ", FeatureNetworks.Names)}; left out, the one that fits the data."),
        new("metrics", "DIR", "Folder with the Inception file and the cache of statistics (SMTWEB_METRICS, else data/metrics)."),
        new("threads", "N", "CPU threads (2)."),
        new("json", null, "Print one JSON object to standard output; progress goes to standard error."),
    ];

    /// <summary>Folder in which computed statistics are kept.</summary>
    internal string Cache => Path.Combine(Folder, "cache");

    /// <summary>Reads them and sets the threads.</summary>
    internal static MetricsArguments Read(CommandArguments arguments)
    {
        if (arguments.Text("network") is { } name && !FeatureNetworks.Names.Contains(name))
        {
            throw new CommandLineException($"Option --network: there is no '{name}'.{Suggestion.For(name, FeatureNetworks.Names)}");
        }
        FeatureNetworks.Prepare((int)arguments.Number("threads", 2, 1, 1024));
        return new(arguments.Text("network"), arguments.Text("metrics") ?? MetricsFolder.Default, arguments.Has("json"));
    }
}
