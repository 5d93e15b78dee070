using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using SmtWeb.Torch;

namespace SmtWeb.Benchmarks;

/// <summary>
/// This program against itself at another commit: makes a worktree of that commit, builds its benchmarks there, and runs sections
/// of both in turns, so that a busy or throttled machine is slow for both. Ratios are of the lowest times, and of each round.
/// </summary>
internal static partial class AgainstBenchmark
{
    internal const string Section = "against";

    // sections whose lines hold a time, with what stands before it
    private static readonly string[] Sections = ["step", "step-roll", "smd"];

    /// <summary><c>against COMMIT [SECTION…] [--threads N] [--rounds N] [--iterations N]</c></summary>
    internal static int Run(string[] arguments)
    {
        if (arguments.Length == 0 || arguments[0].StartsWith('-'))
        {
            Console.Error.WriteLine(
                $"Usage: SmtWeb.Benchmarks {Section} COMMIT [{string.Join(' ', Sections)}] [--threads N] [--rounds N] [--iterations N]"
            );
            return 2;
        }
        var names = arguments.Skip(1).TakeWhile(a => !a.StartsWith('-')).ToArray();
        if (names.FirstOrDefault(n => !Sections.Contains(n)) is { } unknown)
        {
            throw new ArgumentException($"There is no section '{unknown}' to compare; there are {string.Join(", ", Sections)}.");
        }
        var options = Options.Parse(arguments.AsSpan(1 + names.Length));
        var root = typeof(AgainstBenchmark)
            .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(a => a.Key == "RepoRoot")
            .Value!;
        var commit = Output("git", ["-C", root, "rev-parse", "--short=12", "--verify", arguments[0] + "^{commit}"]).Trim();
        var (ours, theirs) = (Environment.ProcessPath!, Build(root, commit));
        Console.WriteLine(
            $"{Section} {commit} · {Machine.Describe()} · {options.Threads} threads · {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC"
        );
        foreach (var section in names.Length > 0 ? names : Sections)
        {
            Compare(section, ours, theirs, options);
        }
        return 0;
    }

    private static void Compare(string section, string ours, string theirs, Options options)
    {
        var rounds = new List<(Dictionary<string, double> Ours, Dictionary<string, double> Theirs)>();
        for (var round = 1; round <= options.Rounds; round++)
        {
            // whoever is first may find the machine warm or cold: that changes every round
            var first = round % 2 == 1;
            var a = Times(section, first ? ours : theirs, options);
            var b = Times(section, first ? theirs : ours, options);
            rounds.Add(first ? (a, b) : (b, a));
        }
        foreach (var name in rounds[0].Ours.Keys.Intersect(rounds[0].Theirs.Keys))
        {
            var (mine, other) = (rounds.Min(r => r.Ours[name]), rounds.Min(r => r.Theirs[name]));
            var ratios = rounds.Select(r => r.Theirs[name] / r.Ours[name]).Order().ToList();
            Console.WriteLine(
                $"  {section, -10} {name, -26} now {mine, 9:F2} ms, then {other, 9:F2} ms: {other / mine:F2} times as fast (rounds: "
                    + $"{string.Join(", ", ratios.Select(r => r.ToString("F2", CultureInfo.InvariantCulture)))})"
            );
        }
    }

    private static Dictionary<string, double> Times(string section, string program, Options options)
    {
        static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
        List<string> arguments = [section, "--threads", Text(options.Threads), "--rounds", "1"];
        if (options.Iterations > 0)
        {
            arguments.AddRange(["--iterations", Text(options.Iterations)]);
        }
        var lines = Output(program, arguments).Split('\n');
        var times = new Dictionary<string, double>();
        foreach (var line in lines)
        {
            if (Step().Match(line) is { Success: true } step)
            {
                times[step.Groups[1].Value] = Number(step.Groups[2].Value);
            }
            if (Repeated().Match(line) is { Success: true } smd)
            {
                times["smd, no pass repeated"] = Number(smd.Groups[1].Value);
            }
        }
        return times.Count > 0
            ? times
            : throw new InvalidOperationException($"{program} {section} told no times:\n{string.Join('\n', lines)}");
    }

    private static string Build(string root, string commit)
    {
        var folder = Path.Combine(root, "artifacts", "against", commit);
        if (!Directory.Exists(folder))
        {
            Output("git", ["-C", root, "worktree", "add", "--detach", folder, commit]);
        }
        Console.Error.WriteLine($"Building {commit} in {folder} …");
        Output("dotnet", ["build", Path.Combine(folder, "tests", "SmtWeb.Benchmarks"), "-c", "Release", "-nologo", "-v", "quiet", "-m:1"]);
        return Directory
            .EnumerateFiles(
                Path.Combine(folder, "tests", "SmtWeb.Benchmarks", "bin", "Release"),
                "SmtWeb.Benchmarks",
                SearchOption.AllDirectories
            )
            .OrderByDescending(File.GetLastWriteTimeUtc)
            .First();
    }

    private static string Output(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true };
        // commits before TorchSharp find Debian's OpenBLAS so, as their run.sh told them
        if (
            Directory
                .EnumerateDirectories("/usr/lib", "*-linux-gnu")
                .Select(d => Path.Combine(d, "openblas-pthread"))
                .FirstOrDefault(Directory.Exists) is
            { } blas
        )
        {
            start.Environment["LD_LIBRARY_PATH"] = blas;
        }
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException(
                $"{program} {string.Join(' ', arguments)} ended with status {process.ExitCode}:\n{output}"
            );
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\s+(\S+)\s+([\d.]+) ms an iteration")]
    private static partial Regex Step();

    [GeneratedRegex(@"none repeated ([\d.]+) ms an iteration")]
    private static partial Regex Repeated();
}
