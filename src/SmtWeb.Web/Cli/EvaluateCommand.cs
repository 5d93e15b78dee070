using System.Globalization;
using System.Text;
using System.Text.Json;
using SmtWeb.Data.Files;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Text;
using SmtWeb.Measures;
using SmtWeb.Measures.Statistics;
using SmtWeb.Smt.Evaluation;
using SmtWeb.Smt.Sampling;

namespace SmtWeb.Web.Cli;

/// <summary><c>smtweb evaluate</c>: measures a checkpoint by a protocol; or, started by a worker, one queued evaluation.</summary>
internal sealed class EvaluateCommand : Command
{
    internal override string Name => "evaluate";

    internal override string Summary => "Measures a checkpoint: FID, KID, precision, recall, Inception score; needs no database.";

    internal override string Usage => "evaluate --checkpoint FILE [--dataset DATASET] [--protocol NAME] [options]";

    internal override IReadOnlyList<CommandOption> Options { get; } =
    [
        new("checkpoint", "FILE", "Checkpoint (safetensors), of `smtweb train` or downloaded from a run."),
        new("dataset", "DATASET", $"{MetricsArguments.DatasetHelp} Left out: what the model was trained on."),
        new("protocol", "NAME", string.Join("; ", EvaluationProtocol.All.Select(p => $"{p.Name} ({p.Title})")) + ". Left out: quick."),
        new(
            "reference",
            "FILE",
            "Reference statistics (.npz of EDM or of `smtweb stats`, .pkl of EDM2) in place of the data set's own: FID only, where "
                + "they are of other images."
        ),
        new("samples", "N", "Images of each repeat in place of the protocol's; the record says so."),
        new("repeats", "N", "Repeats in place of the protocol's."),
        new("labels", "KIND", "balanced or random, in place of the protocol's."),
        new("steps", "N", "Steps per image of a few-step generator: 1 (left out), 2 or 4; the record says so."),
        new("per-class", null, "Also measure each class on its own."),
        .. MetricsArguments.Options,
        new("job", "N", "Id of a queued evaluation in the database; a worker's own call."),
        new("attempt", "A", "Attempt at that evaluation; a worker's own call."),
    ];

    internal override string Notes =>
        """
            Exit codes: 0 measured, 1 it could not be measured, 2 the call is wrong, 130 interrupted.
            Example: smtweb evaluate --checkpoint run-2-iteration-6000.safetensors --dataset fashion-mnist --protocol quick --json
            """;

    internal override async Task<int> RunAsync(CommandArguments arguments, CancellationToken ct)
    {
        if (arguments.Has("job") || arguments.Has("attempt"))
        {
            var job = arguments.Number("job", 0, 1, long.MaxValue);
            return await Worker.Evaluation.EvaluationCommand.RunAsync(
                job,
                (int)arguments.Number("attempt", 0, 1, int.MaxValue),
                Console.OpenStandardInput()
            );
        }

        var settings = MetricsArguments.Read(arguments);
        var protocol = Protocol(arguments);
        await using var file = PlainFile.OpenRead(arguments.Required("checkpoint"));
        using var generator = OneStepGenerator.Load(file);
        EnsureSteps(generator, protocol);
        using var progress = new CommandProgress();
        var report = generator.DrawsPoints
            ? ModelEvaluator.EvaluatePoints(generator, protocol)
            : EvaluateImages(generator, protocol, arguments, settings, progress, ct);
        progress.Clear();
        await Console.Out.WriteLineAsync(settings.Json ? JsonSerializer.Serialize(report, MetricsArguments.JsonOptions) : Text(report));
        return 0;
    }

    private static EvaluationReport EvaluateImages(
        OneStepGenerator generator,
        EvaluationProtocol protocol,
        CommandArguments arguments,
        MetricsArguments settings,
        CommandProgress progress,
        CancellationToken ct
    )
    {
        using var images = arguments.Text("dataset") is { } name
            ? EvaluationImages.Open(name, settings.Cache)
            : EvaluationImages.Of(generator.Spec.Data, settings.Cache);
        using var network = FeatureNetworks.Open(settings.Network ?? FeatureNetworks.Default(images), settings.Folder);
        var reference = arguments.Text("reference") is { } path
            ? ReferenceStatistics.Read(path)
            : FeatureNetworks.Reference(images, network, settings.Cache, progress.Report, ct);
        var evaluator = new ModelEvaluator(generator, images, network, reference)
        {
            Progress = progress.Report,
            OfItsOwnData = arguments.Text("dataset") is null,
            PerClass = arguments.Has("per-class"),
            ReferenceName = Path.GetFileName(arguments.Text("reference")),
        };
        return evaluator.Evaluate(protocol, ct);
    }

    // Before data and network are read: a model that does not draw so is said at once.
    private static void EnsureSteps(OneStepGenerator generator, EvaluationProtocol protocol)
    {
        if (GenerationSteps.Problem(generator.StepChoices, protocol.Steps) is { } problem)
        {
            throw new CommandLineException($"Option --steps: {problem}");
        }
    }

    // a changed protocol has another name, so that its numbers are never taken for those of the original
    private static EvaluationProtocol Protocol(CommandArguments arguments)
    {
        var name = arguments.Text("protocol") ?? "quick";
        if (EvaluationProtocol.All.All(p => p.Name != name))
        {
            throw new CommandLineException(
                $"Option --protocol: there is no '{name}'.{Suggestion.For(name, EvaluationProtocol.All.Select(p => p.Name))} There are "
                    + $"{string.Join(", ", EvaluationProtocol.All.Select(p => p.Name))}."
            );
        }
        var original = EvaluationProtocol.Find(name);
        var changed = original with
        {
            Samples = (int)arguments.Number("samples", original.Samples, 16, 1_000_000),
            Repeats = (int)arguments.Number("repeats", original.Repeats, 1, 100),
            Labels = arguments.Text("labels") switch
            {
                null => original.Labels,
                "balanced" => LabelDistribution.Balanced,
                "random" => LabelDistribution.Random,
                var other => throw new CommandLineException($"Option --labels: '{other}' is neither balanced nor random."),
            },
        };
        var steps = arguments.Has("steps") ? (int?)arguments.Number("steps", 1, 1, 4) : null;
        if (steps is 3)
        {
            throw new CommandLineException("Option --steps: generation takes 1, 2 or 4 steps.");
        }
        changed = changed.WithSteps(steps);
        return changed == original.WithSteps(steps) ? changed : changed with { Name = $"{changed.Name} (changed)" };
    }

    private static string Text(EvaluationReport report)
    {
        var text = new StringBuilder();
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"Iteration {report.Iteration:N0}, {report.Weights} weights, {report.Steps} {(report.Steps == 1 ? "step" : "steps")} per "
                + $"image; protocol {report.Protocol}: {report.Repeats} x {report.Samples:N0} images, seeds from {report.FirstSeed}, labels "
                + $"{report.Labels}"
        );
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"Reference {PlainText.Show(report.Dataset)} "
                + $"({(report.ReferenceImages > 0 ? $"{report.ReferenceImages:N0} images" : "of how many images is not known")}, "
                + $"{Short(report.ReferenceHash)}); features {report.Network} ({Short(report.NetworkHash)}), resize {report.Resize}, rounding "
                + $"{report.Rounding}"
        );
        foreach (var metric in report.Metrics)
        {
            var repeats =
                metric.Values.Count == 1
                    ? ""
                    : string.Create(
                        CultureInfo.InvariantCulture,
                        $"   min of {metric.Values.Count}; mean {metric.Mean:F5} ± {metric.StandardDeviation:F5}"
                    );
            text.AppendLine(CultureInfo.InvariantCulture, $"  {metric.Name, -16}{Math.Round(metric.Min, 5) + 0.0, 12:F5}{repeats}");
        }
        foreach (var c in report.PerClass ?? [])
        {
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"  fid {PlainText.Show(ClassNaming.Show(c.Label, c.Name)), -20}{c.Fid, 8:F3}   {c.Generated:N0} generated, {c.Real:N0} "
                    + $"real"
            );
        }
        foreach (var warning in report.Warnings)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"warning: {warning}");
        }
        return text.Append(CultureInfo.InvariantCulture, $"{report.Seconds:F0} s").ToString();
    }

    private static string Short(string hash) =>
        hash.Length > 12 ? hash[..12]
        : hash.Length == 0 ? "no hash"
        : hash;
}
