using System.Diagnostics;
using System.Text.Json;
using SmtWeb.Measures;
using SmtWeb.Measures.Statistics;

namespace SmtWeb.Web.Cli;

/// <summary><c>smtweb stats</c>: the reference statistics of a data set, in EDM's format.</summary>
internal sealed class StatsCommand : Command
{
    internal override string Name => "stats";

    internal override string Summary => "Computes the reference statistics (FID) of a data set and writes them as EDM's .npz.";

    internal override string Usage => "stats --dataset DATASET --out FILE.npz [options]";

    internal override IReadOnlyList<CommandOption> Options { get; } =
    [
        new("dataset", "DATASET", MetricsArguments.DatasetHelp),
        new("out", "FILE", "File to write (.npz with mu and sigma, float64)."),
        .. MetricsArguments.Options,
        new("no-cache", null, "Compute again even where the same images and network were measured before."),
    ];

    internal override string Notes =>
        """
            The images are streamed: memory is the network, one batch and one covariance, whatever their number.
            Example: smtweb stats --dataset fashion-mnist --out fashion-mnist.npz
            """;

    internal override async Task<int> RunAsync(CommandArguments arguments, CancellationToken ct)
    {
        var output = arguments.Required("out");
        if (!output.EndsWith(".npz", StringComparison.OrdinalIgnoreCase))
        {
            throw new CommandLineException($"Option --out: '{output}' does not end in .npz.");
        }
        var clock = Stopwatch.StartNew();
        var settings = MetricsArguments.Read(arguments);
        using var images = EvaluationImages.Open(arguments.Required("dataset"), settings.Cache);
        using var network = FeatureNetworks.Open(settings.Network ?? FeatureNetworks.Default(images), settings.Folder);
        using var progress = new CommandProgress();
        var statistics = DatasetStatistics.Of(images, network, arguments.Has("no-cache") ? null : settings.Cache, progress.Report, ct);
        if (Path.GetDirectoryName(Path.GetFullPath(output)) is { } folder)
        {
            Directory.CreateDirectory(folder);
        }
        statistics.WriteNpz(output);
        progress.Clear();
        var peak = Process.GetCurrentProcess().PeakWorkingSet64 >> 20;
        await Console.Out.WriteLineAsync(
            settings.Json
                ? JsonSerializer.Serialize(
                    new
                    {
                        Out = output,
                        Images = images.Count,
                        images.Name,
                        DatasetHash = images.Hash,
                        statistics.Dimension,
                        statistics.Hash,
                        Network = network.Name,
                        NetworkHash = network.Hash,
                        network.Resize,
                        Seconds = clock.Elapsed.TotalSeconds,
                        PeakMemoryMiB = peak,
                    },
                    MetricsArguments.JsonOptions
                )
                : $"{images.Count:N0} images of {images.Name}, {statistics.Dimension} features of {network.Name} (resize "
                    + $"{network.Resize}), {clock.Elapsed.TotalSeconds:F0} s, {peak} MiB at most: {output}\nhash {statistics.Hash}"
        );
        return 0;
    }
}
