namespace SmtWeb.Worker.Tests;

/// <summary>The golden files of the repository.</summary>
internal static class GoldenFiles
{
    /// <summary>Where one lies.</summary>
    internal static string Find(params string[] parts)
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !Directory.Exists(Path.Combine(root.FullName, "tests", "golden")))
        {
            root = root.Parent;
        }

        return Path.Combine([
            root?.FullName ?? throw new DirectoryNotFoundException("tests/golden is not above the tests."),
            "tests",
            "golden",
            .. parts,
        ]);
    }
}
