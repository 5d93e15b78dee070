using System.Reflection;

namespace SmtWeb.Torch.Tests;

/// <summary>Where this build came from.</summary>
internal static class Source
{
    /// <summary>The repository.</summary>
    internal static string Root => Metadata("RepoRoot");

    /// <summary>libLibTorchSharp.so of the package, as NuGet restored it.</summary>
    internal static string LibTorchSharp => Metadata("LibTorchSharp");

    private static string Metadata(string key) =>
        typeof(Source).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!;
}
