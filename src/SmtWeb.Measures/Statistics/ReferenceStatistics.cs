using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using SmtWeb.Data.Weights;
using SmtWeb.Data.Weights.Archives;
using SmtWeb.Data.Weights.Bytes;
using SmtWeb.Torch;

namespace SmtWeb.Measures.Statistics;

/// <summary>Where statistics come from, as far as it is known.</summary>
public sealed record StatisticsOrigin(string Dataset, string DatasetHash, long Images, string Network, string NetworkHash, string Resize);

/// <summary>
/// Mean and covariance (divisor n - 1) of the features of a data set: what generated images are compared with. Read and
/// written as EDM's <c>.npz</c> (<c>mu</c> [d], <c>sigma</c> [d,d], float64); ours also holds where they come from.
/// </summary>
public sealed record ReferenceStatistics(double[] Mean, double[] Covariance, StatisticsOrigin? Origin)
{
    private const string OriginEntry = "smtweb.json";
    private const int MostEntries = 64;
    private const long LargestFile = 1L << 30;
    private const long LargestOrigin = 64 * 1024;

    // of the largest variance and of the largest eigenvalue: more than rounding to float32 leaves, whatever the order of the sums
    private const double Asymmetry = 1e-5,
        Indefinite = 1e-3;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>Dimensions of the features.</summary>
    public int Dimension => Mean.Length;

    /// <summary>Hash of the file that records name instead, for the statistics that come with SmtWeb.</summary>
    public string? FileHash { get; init; }

    /// <summary>
    /// SHA-256 of mean and covariance (little-endian float64), lower-case hex: the same for the same numbers in any file.
    /// </summary>
    public string Hash
    {
        get
        {
            if (FileHash is { } named)
            {
                return named;
            }
            using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            sha.AppendData(MemoryMarshal.AsBytes<double>(Mean));
            sha.AppendData(MemoryMarshal.AsBytes<double>(Covariance));
            return Convert.ToHexStringLower(sha.GetHashAndReset());
        }
    }

    /// <summary>Reads EDM's <c>.npz</c> or EDM2's <c>.pkl</c>, by the ending of the name.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="IOException">It is damaged or holds no statistics; names the file and what is wrong.</exception>
    /// <exception cref="InvalidDataException">As for <see cref="IOException"/>.</exception>
    public static ReferenceStatistics Read(string path) =>
        path.EndsWith(".pkl", StringComparison.OrdinalIgnoreCase) ? ReadPkl(path) : ReadNpz(path);

    /// <summary>Reads EDM2's <c>.pkl</c>: a dict of metrics, of which <c>fid</c> holds mu and sigma. Nothing of the file runs.</summary>
    /// <exception cref="InvalidDataException">It holds no statistics of FID.</exception>
    public static ReferenceStatistics ReadPkl(string path)
    {
        using var file = WeightsFile.Open(path);
        var prefix = file.Tensors.Any(t => t.Name == "fid.mu") ? "fid." : "";
        try
        {
            return Checked(Array("mu"), Array("sigma"), null);
        }
        catch (InvalidDataException e) when (!e.Message.Contains(path, StringComparison.Ordinal))
        {
            throw new InvalidDataException($"{path} cannot be read as reference statistics (.pkl of FID): {e.Message}", e);
        }

        NpyArray Array(string name)
        {
            var tensor =
                file.Tensors.FirstOrDefault(t => t.Name == prefix + name)
                ?? throw new InvalidDataException(
                    $"{path} holds no array '{name}' of FID; it has {string.Join(", ", file.Tensors.Take(8).Select(t => t.Name))}."
                );
            if (tensor.Type != SafetensorsType.F64 || tensor.Shape.Count > 2 || tensor.ByteCount > NpyArray.MostElements * sizeof(double))
            {
                throw new InvalidDataException(
                    $"{path}: {tensor.Name} is {tensor.Type} [{string.Join(',', tensor.Shape)}], no mean or covariance in float64."
                );
            }
            return new NpyArray(
                [.. tensor.Shape.Select(s => (int)s)],
                MemoryMarshal.Cast<byte, double>(tensor.ToArray().AsSpan(0, (int)tensor.ByteCount)).ToArray()
            );
        }
    }

    /// <summary>Reads <c>.npz</c>. Sizes are checked before anything is allocated.</summary>
    /// <exception cref="InvalidDataException">Not such a file, or damaged; names the file and what is wrong.</exception>
    public static ReferenceStatistics ReadNpz(string path)
    {
        if (!Path.Exists(path))
        {
            throw new FileNotFoundException(
                $"{path} does not exist. Reference statistics are written by: smtweb stats --dataset … --out {Path.GetFileName(path)}",
                path
            );
        }
        using var file = new FileSource(path);
        if (file.Length > LargestFile)
        {
            throw new InvalidDataException($"{path} has {file.Length} bytes; statistics have {LargestFile} at most.");
        }
        try
        {
            var zip = new ZipContent(file); // which checks the checksums; the framework's reader does not
            if (zip.Entries.Count() is > MostEntries and var count)
            {
                throw new InvalidDataException($"it has {count} entries; statistics have mu and sigma");
            }
            return Checked(ReadArray(zip, "mu"), ReadArray(zip, "sigma"), ReadOrigin(zip));
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            throw new InvalidDataException($"{path} cannot be read as reference statistics (.npz with mu and sigma): {e.Message}", e);
        }
    }

    /// <summary>Writes <c>.npz</c>; an earlier file stays whole until the new one is complete.</summary>
    public void WriteNpz(string path)
    {
        var part = $"{path}.{Environment.ProcessId}.part";
        try
        {
            using (var zip = ZipFile.Open(part, ZipArchiveMode.Create))
            {
                Add(zip, "mu.npy", new NpyArray([Dimension], Mean).Write);
                Add(zip, "sigma.npy", new NpyArray([Dimension, Dimension], Covariance).Write);
                if (Origin is { } origin)
                {
                    Add(zip, OriginEntry, s => JsonSerializer.Serialize(s, origin, Json));
                }
            }
            File.Move(part, path, overwrite: true);
        }
        finally
        {
            File.Delete(part);
        }
    }

    /// <summary>Statistics of the arrays that a file holds.</summary>
    /// <exception cref="InvalidDataException">
    /// The shapes do not fit, a number is not finite, or sigma is no covariance: not symmetric, or not positive semi-definite within
    /// rounding.
    /// </exception>
    internal static ReferenceStatistics Checked(NpyArray mean, NpyArray covariance, StatisticsOrigin? origin)
    {
        if (
            mean.Shape.Count != 1
            || covariance.Shape.Count != 2
            || covariance.Shape[0] != mean.Shape[0]
            || covariance.Shape[1] != mean.Shape[0]
        )
        {
            throw new InvalidDataException(
                $"mu ({string.Join(',', mean.Shape)}) and sigma ({string.Join(',', covariance.Shape)}) are no mean [d] and covariance "
                    + "[d,d]."
            );
        }
        if (!Array.TrueForAll(mean.Values, double.IsFinite) || !Array.TrueForAll(covariance.Values, double.IsFinite))
        {
            throw new InvalidDataException("mu or sigma holds NaN or infinite values.");
        }
        EnsureCovariance(covariance.Values, mean.Shape[0]);
        return new ReferenceStatistics(mean.Values, covariance.Values, origin);
    }

    // what mathematics demands: a damaged or negated sigma gives a distance that looks like any other
    private static void EnsureCovariance(double[] sigma, int n)
    {
        if (n == 0)
        {
            throw new InvalidDataException("mu and sigma are empty.");
        }
        var largest = 0.0;
        for (var i = 0; i < n; i++)
        {
            var variance = sigma[(i * n) + i];
            if (variance < 0)
            {
                throw new InvalidDataException($"sigma is no covariance: the variance of feature {i} is {variance:G6}; none is negative.");
            }
            largest = Math.Max(largest, variance);
        }

        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < i; j++)
            {
                var (a, b) = (sigma[(i * n) + j], sigma[(j * n) + i]);
                if (Math.Abs(a - b) > Asymmetry * largest)
                {
                    throw new InvalidDataException(
                        $"sigma is no covariance: it is not symmetric ({a:G6} at [{i},{j}], {b:G6} at [{j},{i}])."
                    );
                }
            }
        }

        TorchRuntime.Initialize();
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var eigenvalues = torch.linalg.eigvalsh(Tensors.Of(sigma, [n, n])).ToArray<double>();
        if (eigenvalues.Min() < -Indefinite * eigenvalues.Max())
        {
            throw new InvalidDataException(
                $"sigma is no covariance: it has the eigenvalue {eigenvalues.Min():G6}; none is negative (the largest is "
                    + $"{eigenvalues.Max():G6})."
            );
        }
    }

    private static NpyArray ReadArray(ZipContent zip, string name)
    {
        var entry =
            zip.Find($"{name}.npy")
            ?? throw new InvalidDataException(
                $"there is no array '{name}'; it has {string.Join(", ", zip.Entries.Take(8).Select(e => e.Name))}."
            );
        using var stream = new SourceStream(zip.Open(entry));
        return NpyArray.Read(stream, name);
    }

    private static StatisticsOrigin? ReadOrigin(ZipContent zip)
    {
        if (zip.Find(OriginEntry) is not { } entry || entry.Bytes > LargestOrigin)
        {
            return null;
        }
        using var stream = new SourceStream(zip.Open(entry));
        try
        {
            return JsonSerializer.Deserialize<StatisticsOrigin>(stream, Json);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{OriginEntry} cannot be read: {e.Message}", e);
        }
    }

    private static void Add(ZipArchive zip, string name, Action<Stream> write)
    {
        using var stream = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
        write(stream);
    }
}
