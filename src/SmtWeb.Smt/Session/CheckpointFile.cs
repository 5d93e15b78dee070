using System.Globalization;
using System.Text.Json;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Weights;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Session;

/// <summary>How far a run has come; stored with every checkpoint.</summary>
public sealed record TrainingProgress
{
    /// <summary>Iterations done, warm-up included.</summary>
    public long Iteration { get; init; }

    /// <summary>Real samples seen.</summary>
    public long ImagesSeen { get; init; }

    /// <summary>Time spent training, over all attempts.</summary>
    public double Seconds { get; init; }

    /// <summary>Steps skipped because of a non-finite loss or gradient.</summary>
    public long SkippedSteps { get; init; }

    /// <summary>Updates of the generator's optimizer (of the warm-up while it lasts).</summary>
    public long GeneratorSteps { get; init; }

    /// <summary>Updates of the score network's optimizer.</summary>
    public long ScoreSteps { get; init; }

    /// <summary>The distance that was measured at this very iteration; null where none was. A checkpoint takes it.</summary>
    public double? Distance { get; init; }

    /// <summary>The smallest distance so far: what an <see cref="Explosion"/> is seen by.</summary>
    public double? BestDistance { get; init; }

    /// <summary>What the run is trained on; null where that is drawn afresh, and in checkpoints of before it was kept.</summary>
    public DataReceipt? Data { get; init; }

    /// <summary>What the run is measured by: <see cref="EvaluationRecord.Metric"/>. It keeps to one, also between evaluations.</summary>
    public string? DistanceMetric { get; init; }
}

/// <summary>What was read of a checkpoint; <paramref name="LibTorch"/> is the version that wrote it.</summary>
public sealed record CheckpointContent(
    TrainingSpec Spec,
    TrainingProgress Progress,
    IReadOnlyDictionary<string, Tensor> Tensors,
    string LibTorch
);

/// <summary>
/// A checkpoint: one safetensors file whose tensors are named <c>ema.…</c> (averaged generator: what sampling needs),
/// <c>generator.…</c>, <c>score.…</c> and <c>head.…</c>, <c>teacher.…</c> of a distillation, <c>ema-h500.…</c> of a further
/// average, <c>adamw.…</c> and <c>random.…</c>, and whose metadata hold the spec and the progress.
/// </summary>
public static class CheckpointFile
{
    /// <summary>Value of the metadata entry <c>format</c>.</summary>
    public const string Format = "smtweb-checkpoint/1";

    /// <summary>Prefix of the averaged generator's tensors.</summary>
    public const string AveragePrefix = "ema.";

    /// <summary>Writes a checkpoint; tensors are copied to the host one by one.</summary>
    public static void Write(
        Stream stream,
        TrainingSpec spec,
        TrainingProgress progress,
        IEnumerable<(string Name, Tensor Value)> tensors
    ) =>
        SafetensorsWriter.Write(
            stream,
            tensors.Select(t => TensorFile.ToSource(t.Name, t.Value)),
            new Dictionary<string, string>
            {
                ["format"] = Format,
                ["spec"] = SpecJson.Write(spec),
                ["progress"] = JsonSerializer.Serialize(progress),
                ["libtorch"] = TorchRuntime.Version,
                ["written"] = DateTimeOffset.UtcNow.ToString("O", CultureInfo.InvariantCulture),
            }
        );

    /// <summary>
    /// Reads the spec, the progress and the tensors that <paramref name="wanted"/> names; they belong to the current scope.
    /// </summary>
    /// <exception cref="InvalidDataException">Not a checkpoint of SmtWeb, or damaged.</exception>
    public static CheckpointContent Read(Stream stream, Func<string, bool> wanted)
    {
        var reader = SafetensorsReader.Open(stream);
        if (!reader.Metadata.TryGetValue("format", out var format) || format != Format)
        {
            throw new InvalidDataException(
                $"Not a checkpoint of SmtWeb: its metadata entry 'format' is '{format ?? "missing"}', expected '{Format}'."
            );
        }
        var spec = SpecOf(reader.Metadata);
        if (!reader.Metadata.TryGetValue("progress", out var progressText))
        {
            throw new InvalidDataException("The checkpoint has no progress in its metadata.");
        }
        TrainingProgress? progress;
        try
        {
            progress = JsonSerializer.Deserialize<TrainingProgress>(progressText);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"The checkpoint's progress cannot be read: {e.Message}", e);
        }
        var tensors = new Dictionary<string, Tensor>();
        foreach (var entry in reader.Entries)
        {
            if (!wanted(entry.Name))
            {
                continue;
            }
            tensors.Add(entry.Name, TensorFile.ToTensor(entry, reader.Read(entry), torch.CPU));
        }
        reader.Finish();
        return new(
            spec,
            progress ?? throw new InvalidDataException("The checkpoint's progress is null."),
            tensors,
            reader.Metadata.GetValueOrDefault("libtorch", "of an unknown version")
        );
    }

    /// <summary>The spec in a checkpoint's metadata.</summary>
    /// <exception cref="InvalidDataException">There is none, or it cannot be read.</exception>
    internal static TrainingSpec SpecOf(IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.TryGetValue("spec", out var text))
        {
            throw new InvalidDataException("The checkpoint has no spec in its metadata.");
        }
        var (spec, errors) = SpecJson.Parse(text);
        return spec ?? throw new InvalidDataException($"The checkpoint's spec cannot be read: {string.Join("; ", errors.Take(3))}");
    }
}
