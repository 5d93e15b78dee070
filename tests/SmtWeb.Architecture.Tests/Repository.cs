using System.Reflection;

namespace SmtWeb.Architecture.Tests;

/// <summary>The source tree under test.</summary>
internal static class Repository
{
    private static readonly string[] Generated = ["bin", "obj", "node_modules", "artifacts", "_framework", "lib", "__pycache__"];

    public static string Root { get; } =
        typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepoRoot").Value!;

    public static string PathOf(string relative) => Path.Combine(Root, relative);

    /// <summary>Files below a folder of the repository that people wrote, with one of the extensions.</summary>
    public static IEnumerable<string> SourceFiles(string folder, params string[] extensions) =>
        !Directory.Exists(PathOf(folder))
            ? []
            : new DirectoryInfo(PathOf(folder))
                .EnumerateFiles("*", SearchOption.AllDirectories)
                .Where(file =>
                    extensions.Contains(file.Extension) && !Path.GetRelativePath(Root, file.FullName).Split('/').Any(Generated.Contains)
                )
                .Select(file => file.FullName);

    public static string Relative(string path) => Path.GetRelativePath(Root, path);
}
