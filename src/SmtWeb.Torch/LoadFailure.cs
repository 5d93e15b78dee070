using System.Text.RegularExpressions;

namespace SmtWeb.Torch;

/// <summary>
/// Why libtorch cannot be loaded, said so that a reader can do something about it. TorchSharp itself only says that a package is not
/// referenced, whatever the loader found.
/// </summary>
internal static partial class LoadFailure
{
    /// <summary>The one message, of what lies in the program's <paramref name="folder"/> and of the loader's own words.</summary>
    internal static string Explain(string folder, string loader)
    {
        string[] needed = ["libLibTorchSharp.so", "libtorch.so", "libtorch_cpu.so", "libc10.so"];
        var missing = needed.Where(name => !File.Exists(Path.Combine(folder, name))).ToList();
        if (missing.Count > 0)
        {
            return $"libtorch is missing: {string.Join(", ", missing)} {(missing.Count == 1 ? "is" : "are")} not in {folder}. The build "
                + "puts them there on Linux x64: build or publish again "
                + "(./run.sh, or dotnet publish src/SmtWeb.Web) and copy the whole folder.";
        }
        if (Version().Match(loader) is { Success: true } version)
        {
            var (name, library) = (
                version.Groups[1].Value,
                version.Groups[1].Value.StartsWith("GLIBC_", StringComparison.Ordinal) ? "libc" : "libstdc++"
            );
            return name == "GLIBCXX_3.4.32"
                ? $"This machine's libstdc++ is older than {name}, which libLibTorchSharp.so names without using it. Build the "
                    + "program on this machine (the build sees to it), or build it with "
                    + "-p:PatchLibTorchSharp=always where it was built; Debian 13, Ubuntu 24.04 and the .NET 10 container images "
                    + $"need neither. The loader says: {loader}"
                : $"This machine's {library} is too old: {name} is missing. TorchSharp needs Debian 12, Ubuntu 22.04 or newer; the "
                    + $"container image has what it needs (docker compose up --build). The loader says: {loader}";
        }
        if (loader.Contains("undefined symbol", StringComparison.Ordinal))
        {
            return $"The libtorch in {folder} is not the version that TorchSharp was compiled for. Delete the folder and build again; "
                + "LD_LIBRARY_PATH must not lead to another libtorch "
                + $"(it is '{Environment.GetEnvironmentVariable("LD_LIBRARY_PATH")}'). The loader says: {loader}";
        }
        return $"libtorch could not be loaded from {folder}. 'ldd {Path.Combine(folder, "libLibTorchSharp.so")}' shows what is missing. "
            + $"The loader says: {loader}";
    }

    [GeneratedRegex(@"version `?((?:GLIBCXX|CXXABI|GLIBC)_[0-9.]+)'? not found")]
    private static partial Regex Version();
}
