using System.Diagnostics;
using System.Reflection;
using SmtWeb.Measures;

namespace SmtWeb.Worker;

/// <summary>How a worker starts a process of its own program.</summary>
internal static class ChildProgram
{
    /// <summary>
    /// A session of its own: Ctrl+C in the terminal reaches the worker alone, which then asks the child to end. Less
    /// priority (<paramref name="nice"/>): on a small machine pages and database answer at once.
    /// </summary>
    public static ProcessStartInfo Start(WorkerOptions options, int threads, int nice, params ReadOnlySpan<string> arguments)
    {
        var start = new ProcessStartInfo(
            "/usr/bin/setsid",
            ["nice", "-n", $"{nice}", .. options.TrainerProgram ?? ThisProgram(), .. arguments]
        )
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // OpenMP threads that spin without end stall each other for seconds on a machine that does other work as well; a
        // few microseconds bridge the gap between two small operators (docs/adr/0012-cpu.md).
        start.Environment["OMP_WAIT_POLICY"] = "PASSIVE";
        start.Environment["GOMP_SPINCOUNT"] = "10000";
        start.Environment["OMP_NUM_THREADS"] = $"{threads}";
        start.Environment["OPENBLAS_NUM_THREADS"] = $"{threads}";
        if (options.MetricsFolder is { } metrics)
        {
            start.Environment[MetricsFolder.Variable] = metrics;
        }
        return start;
    }

    /// <summary>Program and leading arguments of this same program.</summary>
    public static string[] ThisProgram()
    {
        string program = Environment.ProcessPath ?? throw new InvalidOperationException("The path of this program is unknown.");
        // `dotnet smtweb.dll` is the host and the assembly; a published smtweb is itself.
        return Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, Assembly.GetEntryAssembly()!.Location] : [program];
    }
}
