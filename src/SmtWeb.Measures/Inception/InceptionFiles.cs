using System.Security.Cryptography;
using SmtWeb.Data.Files;
using SmtWeb.Data.Weights;
using SmtWeb.Torch;

namespace SmtWeb.Measures.Inception;

/// <summary>
/// Finds the FID Inception network that the operator put into the folder <c>metrics</c> of the data root (<see cref="MetricsFolder"/>).
/// Nothing is
/// downloaded, and no file is used whose SHA-256 is neither known here nor listed by the operator in <c>SHA256SUMS</c>.
/// </summary>
public static class InceptionFiles
{
    /// <summary>File in the folder that lists further hashes to trust, as the program <c>sha256sum</c> writes them.</summary>
    public const string Sums = "SHA256SUMS";

    private const string PyTorch = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2";

    /// <summary>Files that are looked for, in this order, with their SHA-256 where it is known.</summary>
    public static IReadOnlyList<(string File, string? Sha256, string Source)> Known { get; } =
    [
        ("pt_inception-2015-12-05-6726825d.pth", PyTorch, "https://github.com/mseitzer/pytorch-fid/releases/tag/fid_weights"),
        ("weights-inception-2015-12-05-6726825d.pth", PyTorch, "https://github.com/toshas/torch-fidelity/releases/tag/v0.2.0"),
        (
            "inception-2015-12-05.pt",
            "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
            "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt"
        ),
        (
            "inception-2015-12-05.pkl",
            null,
            "https://api.ngc.nvidia.com/v2/models/nvidia/research/stylegan3/versions/1/files/metrics/inception-2015-12-05.pkl"
        ),
        ("inception-2015-12-05.safetensors", null, "your own conversion, with the names of pytorch-fid"),
    ];

    /// <summary>Loads the first known file of the folder.</summary>
    /// <exception cref="FileNotFoundException">There is none; says which file goes where.</exception>
    /// <exception cref="InvalidDataException">Its hash is not trusted, or it holds another network.</exception>
    /// <exception cref="WeightsException">It is damaged.</exception>
    public static InceptionFeatures Open(string folder, InceptionResize resize, Device device)
    {
        var path = Find(folder);
        var hash = Trusted(folder, path);
        TorchRuntime.Initialize();
        using var scope = torch.NewDisposeScope();
        return new InceptionFeatures(Read(path, device), hash, resize, device);
    }

    /// <summary>The first known file of the folder.</summary>
    /// <exception cref="FileNotFoundException">There is none; says which file goes where.</exception>
    public static string Find(string folder) =>
        Known.Select(k => Path.Combine(folder, k.File)).FirstOrDefault(File.Exists)
        ?? throw new FileNotFoundException(
            "Distances on these images need the FID Inception network of 2015-12-05, which SmtWeb does not ship. Put one of these "
                + $"files into {Path.GetFullPath(folder)}:\n"
                + string.Join('\n', Known.Select(k => $"  {k.File}  ({k.Source})"))
                + $"\nThe first three are checked against their published SHA-256; for the others add a line \"HASH  FILE\" to {Sums} "
                + $"there (sha256sum FILE >> {Sums}).",
            Path.Combine(folder, Known[0].File)
        );

    /// <summary>The weights of a file under the names of the network.</summary>
    internal static InceptionNetwork Read(string path, Device device)
    {
        using var scope = torch.NewDisposeScope();
        using var file = WeightsFile.Open(path);
        var tensors = file.Tensors.ToDictionary(t => t.Name);
        var map = InceptionWeights.MapNames(tensors.Keys);
        var shapes = InceptionWeights.Needed().ToDictionary(n => n.Name, n => n.Shape);
        var weights = new Dictionary<string, Tensor>();
        foreach (var (ours, theirs) in map)
        {
            // a few MB at most: checked before it is read
            if (theirs is not null && tensors[theirs].ByteCount > 64 << 20)
            {
                throw new InvalidDataException(
                    $"{path}: {theirs} has {tensors[theirs].ByteCount} bytes; no tensor of Inception is that large."
                );
            }
            weights[ours] = theirs is null
                ? torch.ones(shapes[ours])
                : TensorFile.ToTensor(
                    new SafetensorsEntry(ours, tensors[theirs].Type, tensors[theirs].Shape, 0, tensors[theirs].ByteCount),
                    tensors[theirs].ToArray(),
                    torch.CPU
                );
        }
        return new InceptionNetwork(weights, device);
    }

    private static string Trusted(string folder, string path)
    {
        string hash;
        using (var stream = PlainFile.OpenRead(path))
        {
            hash = Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        var name = Path.GetFileName(path);
        var expected = Known.First(k => k.File == name).Sha256;
        if (hash == expected || Listed(folder, name, hash))
        {
            return hash;
        }
        throw new InvalidDataException(
            $"{path} has the SHA-256 {hash}, "
                + $"{(expected is null ? "which SmtWeb cannot check" : $"not {expected} as published: it is incomplete or another file")}. "
                + $"If you trust it, add the line \"{hash}  {name}\" to {Path.Combine(folder, Sums)}."
        );
    }

    private static bool Listed(string folder, string name, string hash)
    {
        var sums = Path.Combine(folder, Sums);
        return File.Exists(sums)
            && File.ReadLines(sums)
                .Select(l => l.Split([' ', '*'], StringSplitOptions.RemoveEmptyEntries))
                .Any(p => p.Length == 2 && p[1] == name && p[0].Equals(hash, StringComparison.OrdinalIgnoreCase));
    }
}
