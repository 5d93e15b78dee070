using System.Text.Json;
using SmtWeb.Measures;
using SmtWeb.Measures.Statistics;
using SmtWeb.Worker.Evaluation;

namespace SmtWeb.Web.Cli;

/// <summary>
/// <c>smtweb neighbours</c>: measures a data set for the search of nearest training images; or, started by a node, for its page.
/// </summary>
internal sealed class NeighboursCommand : Command
{
    internal override string Name => "neighbours";

    internal override string Summary => "Measures the images of a data set once, for the nearest training images on the samples page.";

    internal override string Usage => "neighbours --dataset DATASET [options]";

    internal override IReadOnlyList<CommandOption> Options { get; } =
    [
        new("dataset", "DATASET", MetricsArguments.DatasetHelp),
        .. MetricsArguments.Options,
        new("job", null, "Take the data from standard input; a node's own call."),
    ];

    internal override string Notes =>
        """
            The page does this by itself at the first search, beside everything else; here it is done beforehand. What was measured
            when it is interrupted is kept and gone on with. The file (safetensors) holds 4 bytes for each feature of each image:
            50,000 images take 391 MiB with Inception.
            Example: smtweb neighbours --dataset data/datasets/cifar-10-binary.tar.gz
            """;

    internal override async Task<int> RunAsync(CommandArguments arguments, CancellationToken ct)
    {
        if (arguments.Has("job"))
        {
            return await NeighbourCommand.RunAsync(Console.OpenStandardInput(), Console.Out);
        }
        var name = arguments.Required("dataset");
        var settings = MetricsArguments.Read(arguments);
        using var images = EvaluationImages.Open(name, settings.Cache);
        using var network = FeatureNetworks.Open(settings.Network ?? FeatureNetworks.Default(images), settings.Folder);
        using var progress = new CommandProgress();
        var path = NeighbourIndexWriter.Write(images, network, settings.Cache, progress.Report, ct);
        progress.Clear();
        using var index = NeighbourIndex.Open(path);
        await Console.Out.WriteLineAsync(
            settings.Json
                ? JsonSerializer.Serialize(
                    new
                    {
                        Index = path,
                        Images = index.Count,
                        index.Dimension,
                        RealNearest = new
                        {
                            Low = index.RealQuantile(0.05),
                            Median = index.RealQuantile(0.5),
                            High = index.RealQuantile(0.95),
                        },
                    },
                    MetricsArguments.JsonOptions
                )
                : $"{index.Count:N0} images of {images.Name}, {index.Dimension} features of {network.Name}: {path}\n"
                    + $"A real image is {index.RealQuantile(0.5):F2} from its nearest other one in the middle (5 to 95 %: "
                    + $"{index.RealQuantile(0.05):F2} to {index.RealQuantile(0.95):F2})."
        );
        return 0;
    }
}
