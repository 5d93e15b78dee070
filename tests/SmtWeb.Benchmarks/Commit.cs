using System.Diagnostics;
using System.Reflection;

namespace SmtWeb.Benchmarks;

/// <summary>A working tree of this program, built: this one, or a worktree of another commit.</summary>
internal sealed record Commit(string Name, string Root)
{
    private const string InItsEnvironment =
        """root=$1; shift; . "$root/scripts/requirements.sh" && set_runtime_environment && exec "$@" """;

    /// <summary>The working tree that this program was built in.</summary>
    internal static Commit Here { get; } =
        new("now", typeof(Commit).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepoRoot").Value!);

    internal string Benchmarks => Program("tests/SmtWeb.Benchmarks", "SmtWeb.Benchmarks");

    internal string SmtWeb => Program("src/SmtWeb.Web", "smtweb");

    /// <summary>
    /// A worktree of <paramref name="commit"/> in the folder for temporary files, not below this tree: MSBuild would take this
    /// tree's Directory.Build.targets for a commit that has none.
    /// </summary>
    internal static Commit Build(string commit, bool web)
    {
        var name = Output("git", ["-C", Here.Root, "rev-parse", "--short=12", "--verify", commit + "^{commit}"]).Trim();
        var root = Path.Combine(Path.GetTempPath(), "smtweb-against", name);
        if (!Directory.Exists(root))
        {
            Output("git", ["-C", Here.Root, "worktree", "prune"]);
            Output("git", ["-C", Here.Root, "worktree", "add", "--detach", root, name]);
        }
        foreach (var (project, program) in new[] { ("tests/SmtWeb.Benchmarks", "SmtWeb.Benchmarks"), ("src/SmtWeb.Web", "smtweb") })
        {
            // a commit does not change: what was built stays
            if ((program != "smtweb" || web) && !File.Exists(Binary(root, project, program)))
            {
                Console.Error.WriteLine($"Building {project} of {name} in {root} …");
                Output("dotnet", ["build", Path.Combine(root, project), "-c", "Release", "-nologo", "-v", "quiet", "-m:1"]);
            }
        }
        return new(name, root);
    }

    /// <summary>How a program of this tree is started: in the environment that its run.sh makes.</summary>
    internal ProcessStartInfo Start(string program, params IEnumerable<string> arguments) =>
        new("/bin/bash", ["-c", InItsEnvironment, "bash", Root, program, .. arguments])
        {
            WorkingDirectory = Root,
            RedirectStandardOutput = true,
        };

    /// <summary>What a program of this tree says, and the time and processor time that it took.</summary>
    internal (string Output, Cost Cost) Run(string program, params IEnumerable<string> arguments)
    {
        var (start, processor) = (Stopwatch.GetTimestamp(), ProcessTimes.OfEndedChildren());
        var output = Output(Start(program, arguments));
        return (output, new(Stopwatch.GetElapsedTime(start).TotalMilliseconds, (ProcessTimes.OfEndedChildren() - processor) * 1000));
    }

    private string Program(string project, string name)
    {
        var path = Binary(Root, project, name);
        return File.Exists(path) ? path : throw new InvalidOperationException($"{path} is missing: dotnet build -c Release {project}");
    }

    private static string Binary(string root, string project, string name) =>
        Path.Combine(root, project, "bin", "Release", "net10.0", name);

    private static string Output(string program, IEnumerable<string> arguments) =>
        Output(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true });

    private static string Output(ProcessStartInfo start)
    {
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{start.FileName} did not start.");
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException(
                $"{string.Join(' ', start.ArgumentList)} ended with status {process.ExitCode}:\n{output}"
            );
    }
}

/// <summary>Milliseconds by the clock and of the processors.</summary>
internal readonly record struct Cost(double Wall, double Processor);
