using System.Globalization;
using System.Runtime.InteropServices;

namespace SmtWeb.Benchmarks;

/// <summary>What the figures were measured on.</summary>
internal static class Machine
{
    public static string Describe()
    {
        var cpu =
            File.ReadLines("/proc/cpuinfo")
                .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
                ?.Split(':')[1]
                .Trim()
            ?? "unknown CPU";
        return $"{cpu}, {Environment.ProcessorCount} cores, load {Load()}";
    }

    /// <summary>Resident memory of this process in bytes.</summary>
    public static long ResidentBytes() =>
        long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;

    /// <summary>
    /// OpenMP reads OMP_WAIT_POLICY when it is loaded, which is after this: threads that spin while they wait would
    /// take the other side's time slices. run.sh sets the same for the trainer.
    /// </summary>
    public static void PreferPassiveThreads()
    {
        if (Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is null)
        {
            _ = setenv("OMP_WAIT_POLICY", "PASSIVE", 1);
        }
        if (Environment.GetEnvironmentVariable("GOMP_SPINCOUNT") is null)
        {
            _ = setenv("GOMP_SPINCOUNT", "10000", 1);
        }
    }

    private static string Load() => File.ReadAllText("/proc/loadavg").Split(' ')[0];

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false)]
    private static extern int setenv(string name, string value, int overwrite);
}
