using System.Reflection;

namespace SmtWeb.Browser.Tests;

/// <summary>Where the build put things.</summary>
internal static class Build
{
    internal static string RepoRoot { get; } = Value("RepoRoot");

    internal static string Executable { get; } = Value("Executable");

    private static string Value(string key) =>
        typeof(Build).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!;
}
