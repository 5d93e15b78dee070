using System.Globalization;

namespace SmtWeb.Runs.Database;

/// <summary>Where PostgreSQL's programs are.</summary>
public static class PostgresBinaries
{
    private const string Way = "Install it (Debian: apt-get install postgresql), or use a server of your own with --connection.";

    /// <summary>
    /// The folder with <c>initdb</c> and <c>postgres</c>: of <paramref name="version"/> (a major version such as 15, that
    /// made an existing database), else the newest.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is none; says how to get it.</exception>
    public static string Find(string? version = null) =>
        TryFind(version)
        ?? throw new InvalidOperationException(
            version is null
                ? "PostgreSQL is not installed: no initdb in /usr/lib/postgresql/*/bin or on the PATH. " + Way
                : $"The database was made by PostgreSQL {version}, which is not installed. Install it beside what there is (apt-get "
                    + $"install postgresql-{version}), "
                    + "or take the database over with pg_upgrade."
        );

    /// <summary>As <see cref="Find"/>, or null.</summary>
    public static string? TryFind(string? version = null)
    {
        const string debian = "/usr/lib/postgresql";
        if (version is not null && Directory.Exists(debian))
        {
            return Complete(Path.Combine(debian, version, "bin"));
        }

        var versions = Directory.Exists(debian) ? Directory.GetDirectories(debian) : [];
        return versions
            .OrderByDescending(d => double.TryParse(Path.GetFileName(d), CultureInfo.InvariantCulture, out double number) ? number : 0)
            .Select(d => Path.Combine(d, "bin"))
            .Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
            .Select(Complete)
            .FirstOrDefault(folder => folder is not null);
    }

    private static string? Complete(string folder) =>
        File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "postgres")) ? folder : null;
}
