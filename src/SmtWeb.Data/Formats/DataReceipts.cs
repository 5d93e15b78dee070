using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace SmtWeb.Data.Formats;

/// <summary>
/// Reads data once from end to end and remembers what was found, beside a manifest: the names, sizes and times of the files. As with
/// make, files of the same manifest are taken for unchanged; where it differs all is read again, and the content decides.
/// </summary>
public static class DataReceipts
{
    /// <summary>What decides which images a spec gives: two specs of the same text read the same.</summary>
    public static string KeyOf(DataSpec data) =>
        data switch
        {
            StoredDataSpec stored => string.Create(
                CultureInfo.InvariantCulture,
                $"{stored.GetType().Name}|{stored.Source}|{(stored is ShapedDataSpec s ? $"{s.Side}x{s.Channels}" : "")}|{(stored as IdxSpec)?.Fit}|{stored.SkipCorrupt}"
            ),
            _ => data.GetType().Name,
        };

    /// <summary>
    /// The receipt of an open source: remembered in the folder <paramref name="cache"/> (null: nowhere), else found by reading everything,
    /// of which <paramref name="begins"/> is told.
    /// </summary>
    /// <exception cref="CorruptRecordException">A record cannot be read, and the spec does not skip such records.</exception>
    /// <exception cref="IOException">The data are missing or damaged; says where.</exception>
    public static DataReceipt Obtain(
        StoredDataSpec spec,
        ImageSource source,
        string? cache,
        Action<CheckProgress>? progress,
        CancellationToken ct,
        Action? begins = null
    )
    {
        if (Find(spec, source, cache) is { } known)
        {
            return known;
        }
        begins?.Invoke();
        return DatasetCheck.Run(spec, source, spec.SkipCorrupt, progress ?? (_ => { }), ct, cache, withSamples: false).Report.Receipt;
    }

    /// <summary>
    /// What is remembered of these very files, or null. Where some cannot be read and are not to be skipped, they are looked for again.
    /// </summary>
    internal static DataReceipt? Find(StoredDataSpec spec, ImageSource source, string? cache)
    {
        if (cache is null)
        {
            return null;
        }
        try
        {
            var path = PlaceOf(spec, source, cache);
            return
                File.Exists(path)
                && JsonSerializer.Deserialize<Remembered>(File.ReadAllText(path))
                    is { Receipt: { Sha256: not null, ImagesSha256: not null } receipt } known
                && (receipt.CorruptCount == 0 || spec.SkipCorrupt)
                && known.Manifest == ManifestOf(spec, source.Path)
                ? receipt
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null; // read again: only time is lost
        }
    }

    /// <summary>Remembers what was found in files of a manifest.</summary>
    internal static void Remember(StoredDataSpec spec, ImageSource source, string cache, string manifest, DataReceipt receipt)
    {
        try
        {
            Directory.CreateDirectory(cache);
            var path = PlaceOf(spec, source, cache);
            var part = $"{path}.{Environment.ProcessId}.part";
            File.WriteAllText(part, JsonSerializer.Serialize(new Remembered(source.Path, manifest, receipt)));
            File.Move(part, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // read again next time
        }
    }

    /// <summary>SHA-256 of the names, sizes and times of the files of data at a path.</summary>
    internal static string ManifestOf(StoredDataSpec spec, string path)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var name in DatasetCheck.Files(spec, path))
        {
            // the time and size of a link's target are what change with the data
            var file = new FileInfo(name);
            if (file.LinkTarget is not null && file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target)
            {
                file = target;
            }
            sha.AppendData(
                Encoding.UTF8.GetBytes(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{Path.GetRelativePath(path, name)}\0{file.Length}\0{file.LastWriteTimeUtc.Ticks}\n"
                    )
                )
            );
        }

        return Convert.ToHexStringLower(sha.GetHashAndReset());
    }

    // by what is read, not by who asks: a check beforehand serves the runs
    private static string PlaceOf(StoredDataSpec spec, ImageSource source, string cache)
    {
        var read = string.Create(
            CultureInfo.InvariantCulture,
            $"{Path.GetFullPath(source.Path)}|{spec.GetType().Name}|{source.Side}x{source.Channels}|{(spec as IdxSpec)?.Fit}"
        );
        return Path.Combine(cache, $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(read)))[..16]}.data.json");
    }

    private sealed record Remembered(string Path, string Manifest, DataReceipt Receipt);
}
