using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using SmtWeb.Data.Formats;

namespace SmtWeb.Measures.Statistics;

/// <summary>
/// Remembers the hash of a data set's images, which takes decoding all of them. As with make, files of the same names, sizes
/// and times are taken for unchanged.
/// </summary>
public sealed class HashMemo
{
    private readonly string _path;
    private readonly string _line;

    private HashMemo(string path, string line) => (_path, _line) = (path, line);

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

    /// <summary>The memory of data at an absolute path, in the folder of cached statistics.</summary>
    public static HashMemo Of(StoredDataSpec data, string dataPath, string cache)
    {
        long files = 0,
            bytes = 0;
        var newest = DateTime.MinValue;
        var options = new EnumerationOptions
        {
            AttributesToSkip = FileAttributes.ReparsePoint,
            RecurseSubdirectories = true,
            IgnoreInaccessible = true,
        };
        IEnumerable<FileInfo> all = Directory.Exists(dataPath)
            ? new DirectoryInfo(dataPath).EnumerateFiles("*", options).Where(f => f.Name != "lock.mdb")
            : [new FileInfo(dataPath)];
        foreach (var file in all)
        {
            (files, bytes) = (files + 1, bytes + file.Length);
            if (file.LastWriteTimeUtc > newest)
            {
                newest = file.LastWriteTimeUtc;
            }
        }

        var key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{dataPath}|{KeyOf(data)}")))[..16];
        return new HashMemo(
            Path.Combine(cache, $"{key}.hash"),
            string.Create(CultureInfo.InvariantCulture, $"{files} files, {bytes} bytes, {newest:O}")
        );
    }

    /// <summary>The hash, or null where it is unknown or the files have changed.</summary>
    internal string? Read()
    {
        try
        {
            return
                File.Exists(_path)
                && File.ReadAllLines(_path) is [{ Length: 64 } hash, var seen]
                && hash.All(char.IsAsciiHexDigitLower)
                && seen == _line
                ? hash
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Remembers it; where the folder cannot be written it is computed again next time.</summary>
    internal void Write(string hash)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            var part = $"{_path}.{Environment.ProcessId}.part";
            File.WriteAllLines(part, [hash, _line]);
            File.Move(part, _path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // only time is lost
        }
    }
}
