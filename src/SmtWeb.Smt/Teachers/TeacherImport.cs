using System.Security.Cryptography;
using System.Text.RegularExpressions;
using SmtWeb.Data.Files;
using SmtWeb.Data.Weights;
using SmtWeb.Smt.Networks;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Teachers;

/// <summary>
/// A file of weights on its way to becoming a teacher: recognised, compared strictly with our own network, and written as
/// safetensors whose tensors are that network's state dict.
/// </summary>
public sealed partial class TeacherImport : IDisposable
{
    // EDM's networks hear of augmentations only while they are trained. Without a label this layer, which has no bias,
    // adds nothing, so that leaving it out changes no output.
    private const string Augmentation = "model.map_augment.";

    private readonly WeightsFile _file;
    private readonly List<WeightTensor> _tensors;

    private TeacherImport(WeightsFile file, List<WeightTensor> tensors, TeacherDescription description, IReadOnlyList<string> notes)
    {
        (_file, _tensors, Description, Notes) = (file, tensors, description, notes);
    }

    /// <summary>What it is.</summary>
    public TeacherDescription Description { get; }

    /// <summary>What the user should know, in sentences.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>Bytes of all tensors that are written.</summary>
    public long Bytes => _tensors.Sum(t => t.ByteCount);

    /// <summary>Number of tensors that are written.</summary>
    public int TensorCount => _tensors.Count;

    /// <summary>Opens a file, recognises its network and compares every tensor with ours.</summary>
    /// <param name="path">safetensors, .pth, .pt or .pkl.</param>
    /// <param name="name">Name for runs to call it; null = from the file's name.</param>
    /// <exception cref="WeightsException">
    /// Damaged, hostile, or another network; missing, unexpected and misshapen tensors are listed.
    /// </exception>
    /// <exception cref="ArgumentException">The name cannot be used.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static TeacherImport Open(string path, string? name = null)
    {
        var file = WeightsFile.Open(path);
        try
        {
            name = name is null ? NameFrom(path) : CheckName(name);
            var snapshot = EdmSnapshot.Read(file);
            var shapes = NetworkShapes.Read(file.Tensors);
            var notes = new List<string>();
            var sigmaData = snapshot?.SigmaData ?? EdmPrecond.ImageSigmaData;
            if (snapshot is null)
            {
                notes.Add(
                    $"The file names no class: the {(shapes.Network is Specs.AdmSpec ? "ADM" : "DDPM++")} U-Net was recognised by its "
                        + $"tensors, and σ_data = {sigmaData} is assumed."
                );
            }
            if (sigmaData != EdmPrecond.ImageSigmaData)
            {
                notes.Add($"σ_data is {sigmaData}; networks of runs have {EdmPrecond.ImageSigmaData}.");
            }
            if (shapes.Augment > 0)
            {
                notes.Add($"The augmentation input ({shapes.Augment} values) is left out: it acts only on augmented training images.");
            }
            var kept = file.Tensors.Where(t => !t.Name.StartsWith(Augmentation, StringComparison.Ordinal)).ToList();
            var description = new TeacherDescription
            {
                Name = name,
                Network = shapes.Network with { ScoreDropout = snapshot?.Dropout ?? 0 },
                Resolution = shapes.Resolution,
                Channels = shapes.Channels,
                Classes = shapes.Classes,
                SigmaData = sigmaData,
                Parameters = 0,
                SourceFile = Path.GetFileName(path),
                SourceSha256 = Hash(path),
                Source = Describe(file, snapshot),
            };
            return new TeacherImport(file, kept, description with { Parameters = Compare(description, kept) }, notes);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Whether text can be the name of a model: not a number, which would name a run.</summary>
    public static bool IsName(string text) => NamePattern().IsMatch(text) && !text.All(char.IsAsciiDigit);

    /// <summary>Writes the teacher; <paramref name="progress"/> hears the bytes written so far.</summary>
    /// <exception cref="WeightsException">The file is damaged, or a weight is not finite.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public void Write(Stream stream, IProgress<long>? progress = null, CancellationToken ct = default)
    {
        long written = 0;
        TeacherFile.Write(
            stream,
            Description,
            _tensors.Select(t => new SafetensorsSource(
                t.Name,
                t.Type,
                t.Shape,
                destination =>
                {
                    ct.ThrowIfCancellationRequested();
                    using var finite = new FiniteStream(destination, t);
                    t.CopyTo(finite);
                    progress?.Report(written += t.ByteCount);
                }
            ))
        );
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static string CheckName(string name) =>
        IsName(name)
            ? name
            : throw new ArgumentException(
                $"'{name}' cannot be the name of a model: use letters, digits and . _ - (1 to 100, not digits alone).",
                nameof(name)
            );

    private static string NameFrom(string path)
    {
        var name = NotInNames().Replace(Path.GetFileNameWithoutExtension(path), "-").Trim('-', '.');
        if (name.Length > 100)
        {
            name = name[..100];
        }
        return IsName(name) ? name : $"model-{name}";
    }

    private static string Hash(string path)
    {
        using var stream = PlainFile.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static string Describe(WeightsFile file, EdmSnapshot? snapshot)
    {
        var format = file.Format switch
        {
            WeightsFormat.Safetensors => "safetensors",
            WeightsFormat.TorchZip => "PyTorch zip",
            WeightsFormat.TorchLegacy => "PyTorch legacy",
            WeightsFormat.Pickle => "pickle",
        };
        var part = file.Part is null ? "" : $", part '{file.Part}'";
        return snapshot is null ? $"{format}{part}" : $"EDM snapshot ({format}{part}): {snapshot.Precond} with {snapshot.Model}";
    }

    /// <summary>Every tensor of our network must be there in its shape, and no other. Returns the number of learnable values.</summary>
    private static long Compare(TeacherDescription description, List<WeightTensor> tensors)
    {
        TorchRuntime.Initialize();
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(0, torch.CPU);
        using var network = new ImageDenoiser(description.Options(), random);
        var theirs = tensors.ToDictionary(t => t.Name, StringComparer.Ordinal);
        List<string> missing = [],
            misshapen = [];
        foreach (var (name, mine) in network.StateEntries())
        {
            if (!theirs.Remove(name, out var tensor))
            {
                missing.Add(name);
            }
            else if (!tensor.Shape.SequenceEqual(mine.shape))
            {
                misshapen.Add($"{name} [{string.Join(",", tensor.Shape)}] in place of [{string.Join(",", mine.shape)}]");
            }
            else if (tensor.Type is not (SafetensorsType.F32 or SafetensorsType.F64 or SafetensorsType.F16 or SafetensorsType.BF16))
            {
                misshapen.Add($"{name} of type {tensor.Type}");
            }
        }

        if (missing.Count + misshapen.Count + theirs.Count == 0)
        {
            return network.ParameterCount();
        }
        List<string> problems = [];
        Problem(problems, "missing", missing);
        Problem(problems, "unexpected", [.. theirs.Keys]);
        Problem(problems, "misshapen", misshapen);
        throw new WeightsException(
            $"The weights do not fit the {description.NetworkLabel} that they look like: {string.Join("; ", problems)}."
        );
    }

    private static void Problem(List<string> problems, string what, List<string> names)
    {
        const int Shown = 6;
        if (names.Count > 0)
        {
            problems.Add(
                $"{names.Count} {what}: "
                    + $"{string.Join(", ", names.Take(Shown))}{(names.Count > Shown ? $" and {names.Count - Shown} more" : "")}"
            );
        }
    }

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    private static partial Regex NamePattern();

    [GeneratedRegex("[^A-Za-z0-9._-]+")]
    private static partial Regex NotInNames();
}
