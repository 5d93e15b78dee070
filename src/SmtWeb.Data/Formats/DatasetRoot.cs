using SmtWeb.Data.Settings;

namespace SmtWeb.Data.Formats;

/// <summary>
/// The folder of data sets: nothing outside it is read, whatever a spec says. The operator may put symbolic links into it.
/// <c>SMTWEB_DATASETS</c> names it; without, it is <c>data/datasets</c> where the program was started.
/// </summary>
public static class DatasetRoot
{
    /// <summary>Environment variable that names the folder; trainers inherit it from their worker.</summary>
    public const string Variable = "SMTWEB_DATASETS";

    /// <summary>The folder, absolute.</summary>
    public static string Folder =>
        Path.GetFullPath(Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named ? named : Path.Combine("data", "datasets"));

    /// <summary>The path below the folder, in the form in which it is stored.</summary>
    /// <exception cref="SpecException">It leads out of the folder.</exception>
    public static string Normalise(string source)
    {
        if (source.Any(char.IsControl))
        {
            throw new SpecException([new SpecError("$.data.source", "Data set: the path holds control characters.")]);
        }
        var (root, full) = (Folder, Path.GetFullPath(source, Folder));
        if (!full.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw new SpecException([
                new SpecError(
                    "$.data.source",
                    $"Data set: \"{source}\" is not below the folder of data sets ({root}). Put the data, or a symbolic link to them, "
                        + "there."
                ),
            ]);
        }
        return Path.GetRelativePath(root, full);
    }

    /// <summary>The absolute path of a source.</summary>
    /// <exception cref="SpecException">It leads out of the folder.</exception>
    /// <exception cref="FileNotFoundException">There is nothing; says what there is.</exception>
    public static string Resolve(string source)
    {
        var full = Path.Combine(Folder, Normalise(source));
        if (Path.Exists(full))
        {
            return full;
        }
        var there = Directory.Exists(Folder)
            ? Directory.EnumerateFileSystemEntries(Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal).Take(10).ToList()
            : [];
        throw new FileNotFoundException(
            $"{full}: there is no such file or folder. "
                + $"{(there.Count == 0 ? "The folder of data sets is empty or missing." : $"The folder of data sets holds {string.Join(", ", there)}.")} "
                + $"Another folder: {Variable}.",
            full
        );
    }
}
