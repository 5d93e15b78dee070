using System.Reflection;

namespace SmtWeb.Browser.Tests;

/// <summary>Where the build put things.</summary>
internal static class Build
{
    internal static string RepoRoot { get; } = Value("RepoRoot");

    /// <summary>A published site that is to be tested in place of the build: its files are compressed beforehand.</summary>
    internal static string? Published { get; } = Environment.GetEnvironmentVariable("SMTWEB_TEST_PUBLISHED");

    internal static string Executable { get; } = Published ?? Value("Executable");

    private static string Value(string key) =>
        typeof(Build).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!;
}
