using System.Globalization;
using System.Text.Json;
using SmtWeb.Data.Weights;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Teachers;

/// <summary>
/// A teacher: one safetensors file whose tensors are the denoiser's state dict by EDM's names (<c>model.…</c>), and whose
/// metadata describe it. What <c>smtweb import</c> writes and distillation reads.
/// </summary>
public static class TeacherFile
{
    /// <summary>Value of the metadata entry <c>format</c>.</summary>
    public const string Format = "smtweb-teacher/1";

    /// <summary>Writes a teacher.</summary>
    public static void Write(Stream stream, TeacherDescription description, IEnumerable<SafetensorsSource> tensors) =>
        SafetensorsWriter.Write(
            stream,
            tensors,
            new Dictionary<string, string>
            {
                ["format"] = Format,
                ["teacher"] = ToJson(description),
                ["written"] = DateTimeOffset.UtcNow.ToString("O", CultureInfo.InvariantCulture),
            }
        );

    /// <summary>The description in the metadata of a safetensors file.</summary>
    /// <exception cref="InvalidDataException">The file is no teacher, or its description is damaged.</exception>
    public static TeacherDescription ReadDescription(IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.TryGetValue("format", out var format) || format != Format || !metadata.TryGetValue("teacher", out var text))
        {
            throw new InvalidDataException(
                $"Not a teacher: the metadata entry 'format' is '{format ?? "missing"}', expected '{Format}'. `smtweb import` makes "
                    + "teachers."
            );
        }
        return FromJson(text);
    }

    /// <summary>The denoiser of a file, read once from start to end, on the CPU and without gradients.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or no teacher.</exception>
    public static (TeacherDescription Description, ImageDenoiser Denoiser) Load(Stream stream)
    {
        TorchRuntime.Initialize();
        var reader = SafetensorsReader.Open(stream);
        var description = ReadDescription(reader.Metadata);
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(0, torch.CPU);
        var denoiser = new ImageDenoiser(description.Options(), random);
        try
        {
            var tensors = reader.Entries.ToDictionary(e => e.Name, e => TensorFile.ToTensor(e, reader.Read(e), torch.CPU));
            reader.Finish();
            denoiser.LoadValues(tensors);
            denoiser.RequireGrad(false);
            denoiser.eval();
            return (description, denoiser);
        }
        catch
        {
            denoiser.Dispose();
            throw;
        }
    }

    /// <summary>A description as JSON, as it is stored.</summary>
    public static string ToJson(TeacherDescription description) => JsonSerializer.Serialize(description, SpecSchema.Compact);

    /// <summary>A stored description.</summary>
    /// <exception cref="InvalidDataException">The text is none.</exception>
    public static TeacherDescription FromJson(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<TeacherDescription>(text, SpecSchema.Compact) ?? throw new JsonException("null");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            // NotSupportedException: the kind of the network is not named
            throw new InvalidDataException($"The description of the teacher cannot be read: {e.Message}", e);
        }
    }
}
