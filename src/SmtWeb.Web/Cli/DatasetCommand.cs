using SmtWeb.Data.Formats;
using SmtWeb.Worker.Datasets;

namespace SmtWeb.Web.Cli;

/// <summary><c>smtweb dataset check</c>: reads a data set from end to end and tells what it holds.</summary>
internal sealed class DatasetCommand : Command
{
    internal override string Name => "dataset";

    internal override string Summary => "Checks a data set: every record, class counts, SHA-256; needs no database.";

    internal override string Usage => "dataset check PATH [options]";

    internal override int Words => 2;

    internal override IReadOnlyList<CommandOption> Options { get; } =
    [
        new("kind", "KIND", $"What it is, where that is not plain: {string.Join(", ", DatasetCheck.Kinds)}."),
        new("side", "N", "Side that images of a folder are cropped and resized to (that of the first image)."),
        new("skip-corrupt", null, "Pass over records that cannot be read and list them; otherwise the first one ends the check."),
        new("samples", "FILE.png", "Write a grid of real samples."),
        new("json", null, "The report as JSON, with the \"data\" of a training spec."),
        new("events", null, "A line of JSON for every step; a worker's own call."),
    ];

    internal override string Notes =>
        """
            Example: smtweb dataset check data/datasets/cifar-10-python.tar.gz --json
            Exit codes: 0 it can be trained on, 1 it cannot (the message names file and record), 2 wrong usage, 130 interrupted.
            """;

    internal override Task<int> RunAsync(CommandArguments arguments, CancellationToken ct)
    {
        if (arguments.Words is not ["check", var path])
        {
            throw new CommandLineException(
                arguments.Words is [var verb, ..] && verb != "check"
                    ? $"There is no 'dataset {verb}'; there is 'dataset check PATH'."
                    : "Which data set? smtweb dataset check PATH."
            );
        }

        var kind = arguments.Text("kind") ?? "";
        if (kind.Length > 0 && DatasetCheck.SpecOf(kind) is null)
        {
            throw new CommandLineException(
                $"There is no kind '{kind}'.{Suggestion.For(kind, DatasetCheck.Kinds)} Kinds: {string.Join(", ", DatasetCheck.Kinds)}."
            );
        }

        var output =
            arguments.Has("events") ? CheckOutput.Events
            : arguments.Has("json") ? CheckOutput.Json
            : CheckOutput.Text;
        var request = new CheckRequest(
            path,
            kind,
            (int)arguments.Number("side", 0, 0, 1024),
            arguments.Has("skip-corrupt"),
            output,
            arguments.Text("samples")
        );
        var watched = output != CheckOutput.Events && !Console.IsErrorRedirected;
        return Task.Run(() => DatasetCheckRun.Run(request, Console.Out, Console.Error, watched, ct), CancellationToken.None);
    }
}
