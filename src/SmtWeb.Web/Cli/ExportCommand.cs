using System.Text.Encodings.Web;
using System.Text.Json;
using SmtWeb.Data.Weights;
using SmtWeb.Data.Weights.PyTorch;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Teachers;

namespace SmtWeb.Web.Cli;

/// <summary><c>smtweb export</c>: the weights of a checkpoint or teacher as safetensors or as a state dict for PyTorch.</summary>
internal sealed class ExportCommand : Command
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    internal override string Name => "export";

    internal override string Summary => "Writes the weights of a checkpoint as safetensors or as a state dict that PyTorch loads.";

    internal override string Usage => "export --checkpoint FILE --format safetensors|pth --out FILE [options]";

    internal override IReadOnlyList<CommandOption> Options { get; } =
    [
        new("checkpoint", "FILE", "Checkpoint or teacher (safetensors); other files of weights are converted as they are."),
        new("format", "FORMAT", "safetensors, or pth (torch.save since 1.6; torch.load takes it with weights_only=True)."),
        new("out", "FILE", "File to write."),
        new("weights", "PART", "Part of a checkpoint: ema (default, the averaged generator), generator, score, …"),
        new("json", null, "One line of JSON in place of text."),
    ];

    internal override string Notes =>
        """
            Tensors have the names of EDM's networks (model.enc.32x32_conv.weight, …), without the part's name before them.
            Exit code: 0 done, 1 the file was refused, 2 a wrong option.

            Example: smtweb export --checkpoint 00012000.safetensors --format pth --out generator.pth
            """;

    internal override async Task<int> RunAsync(CommandArguments arguments, CancellationToken ct)
    {
        var path = arguments.Required("checkpoint");
        var output = arguments.Required("out");
        var format = arguments.Required("format");
        if (format is not ("safetensors" or "pth"))
        {
            throw new CommandLineException($"Option --format: '{format}' is neither safetensors nor pth.");
        }

        using var file = WeightsFile.Open(path);
        var (part, tensors) = Choose(file, arguments.Text("weights"));
        var total = tensors.Sum(t => t.Tensor.ByteCount);
        using (var progress = new ByteProgress("written", total))
        {
            long written = 0;
            var sources = tensors.Select(t => new SafetensorsSource(
                t.Name,
                t.Tensor.Type,
                t.Tensor.Shape,
                stream =>
                {
                    ct.ThrowIfCancellationRequested();
                    t.Tensor.CopyTo(stream);
                    progress.Report(written += t.Tensor.ByteCount);
                }
            ));
            OutputFile.Write(
                output,
                path,
                stream =>
                {
                    if (format == "pth")
                    {
                        StateDictWriter.Write(stream, sources);
                    }
                    else
                    {
                        SafetensorsWriter.Write(stream, sources, Metadata(file, part));
                    }
                }
            );
        }

        await Console.Out.WriteLineAsync(
            arguments.Has("json")
                ? JsonSerializer.Serialize(
                    new
                    {
                        Out = output,
                        Format = format,
                        Weights = part,
                        Tensors = tensors.Count,
                        Bytes = total,
                    },
                    Json
                )
                : $"{tensors.Count} tensors{(part is null ? "" : $" of '{part}'")}, {total} bytes: {output}"
        );
        return 0;
    }

    private static (string? Part, IReadOnlyList<(string Name, WeightTensor Tensor)> Tensors) Choose(WeightsFile file, string? wanted)
    {
        if (file.Metadata.GetValueOrDefault("format") != CheckpointFile.Format)
        {
            if (wanted is not null)
            {
                throw new CommandLineException("Option --weights: the file is no checkpoint of SmtWeb and has no parts; leave it out.");
            }

            return (null, [.. file.Tensors.Select(t => (t.Name, t))]);
        }

        wanted ??= CheckpointFile.AveragePrefix.TrimEnd('.');
        var prefix = wanted + ".";
        List<(string, WeightTensor)> chosen =
        [
            .. file.Tensors.Where(t => t.Name.StartsWith(prefix, StringComparison.Ordinal)).Select(t => (t.Name[prefix.Length..], t)),
        ];
        if (chosen.Count == 0)
        {
            var parts = file.Tensors.Select(t => t.Name.Split('.')[0]).Distinct().Where(p => p is not "random");
            throw new CommandLineException($"Option --weights: the checkpoint has no part '{wanted}'; it has {string.Join(", ", parts)}.");
        }

        return (wanted, chosen);
    }

    private static Dictionary<string, string> Metadata(WeightsFile file, string? part)
    {
        // a teacher stays a teacher
        if (part is null && file.Metadata.GetValueOrDefault("format") == TeacherFile.Format)
        {
            return new Dictionary<string, string>(file.Metadata);
        }

        var metadata = new Dictionary<string, string> { ["format"] = "pt" };
        foreach (var name in new[] { "spec", "progress" })
        {
            if (file.Metadata.TryGetValue(name, out var value))
            {
                metadata[name] = value;
            }
        }

        if (part is not null)
        {
            metadata["weights"] = part;
        }

        return metadata;
    }
}
