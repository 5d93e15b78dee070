using System.Globalization;
using System.Text.RegularExpressions;
using SmtWeb.Torch;

namespace SmtWeb.Benchmarks;

/// <summary>
/// This program against itself at another commit, built in a worktree: sections of both in turns, so that a busy or throttled
/// machine is slow for both. Ratios are of the lowest times, and of each round; those of processor time hold beside other work too.
/// </summary>
internal static partial class AgainstBenchmark
{
    internal const string Section = "against";

    private static readonly string[] Sections = ["step", "step-roll", "smd", "inception", "generate", "quick"];

    /// <summary><c>against COMMIT [SECTION…] [--threads N] [--rounds N] [--iterations N]</c></summary>
    internal static async Task<int> RunAsync(string[] arguments)
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
        string[] wanted = names.Length > 0 ? names : Sections;
        var (ours, theirs) = (Commit.Here, Commit.Build(arguments[0], wanted.Intersect(["generate", "quick"]).Any()));
        Console.WriteLine(
            $"{Section} {theirs.Name} · {Machine.Describe()} · {options.Threads} threads · {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC"
        );
        foreach (var section in wanted)
        {
            if (section == "generate")
            {
                await using var here = await GenerationServer.StartAsync(ours, options.Threads);
                await using var there = await GenerationServer.StartAsync(theirs, options.Threads);
                await CompareAsync(section, options, () => here.MeasureAsync(options), () => there.MeasureAsync(options));
            }
            else
            {
                await CompareAsync(
                    section,
                    options,
                    () => Task.FromResult(Costs(section, ours, options)),
                    () => Task.FromResult(Costs(section, theirs, options))
                );
            }
        }
        return 0;
    }

    private static async Task CompareAsync(
        string section,
        Options options,
        Func<Task<Dictionary<string, Cost>>> ours,
        Func<Task<Dictionary<string, Cost>>> theirs
    )
    {
        var rounds = new List<(Dictionary<string, Cost> Ours, Dictionary<string, Cost> Theirs)>();
        for (var round = 1; round <= options.Rounds; round++)
        {
            // whoever is first may find the machine warm or cold: that changes every round
            var first = round % 2 == 1;
            var a = await (first ? ours : theirs)();
            var b = await (first ? theirs : ours)();
            rounds.Add(first ? (a, b) : (b, a));
        }
        foreach (var name in rounds[0].Ours.Keys.Intersect(rounds[0].Theirs.Keys))
        {
            var pairs = rounds.ConvertAll(r => (Ours: r.Ours[name], Theirs: r.Theirs[name]));
            Console.WriteLine($"  {section, -10} {name, -26} {Ratio(pairs, c => c.Wall)}; processor time {Ratio(pairs, c => c.Processor)}");
        }
    }

    private static string Ratio(List<(Cost Ours, Cost Theirs)> rounds, Func<Cost, double> of)
    {
        var (mine, other) = (rounds.Min(r => of(r.Ours)), rounds.Min(r => of(r.Theirs)));
        var ratios = rounds.Select(r => of(r.Theirs) / of(r.Ours)).Order().Select(r => r.ToString("F2", CultureInfo.InvariantCulture));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"now {mine:F2} ms, then {other:F2} ms: {other / mine:F2} times as fast (rounds: {string.Join(", ", ratios)})"
        );
    }

    private static Dictionary<string, Cost> Costs(string section, Commit commit, Options options)
    {
        static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
        if (section == "quick")
        {
            var folder = Directory.CreateTempSubdirectory("smtweb-quick-").FullName;
            try
            {
                return new()
                {
                    ["start to end"] = commit
                        .Run(commit.SmtWeb, "train", "--preset", "fashion-mnist-quick", "--threads", Text(options.Threads), "--out", folder)
                        .Cost,
                };
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }
        List<string> arguments = [section, "--threads", Text(options.Threads), "--rounds", "1"];
        if (options.Iterations > 0)
        {
            arguments.AddRange(["--iterations", Text(options.Iterations)]);
        }
        var lines = commit.Run(commit.Benchmarks, arguments).Output.Split('\n');
        var costs = new Dictionary<string, Cost>();
        foreach (var line in lines)
        {
            if (Step().Match(line) is { Success: true } step)
            {
                costs[step.Groups[1].Value] = new(Number(step.Groups[2].Value), Number(step.Groups[3].Value));
            }
            else if (Repeated().Match(line) is { Success: true } smd)
            {
                costs["no pass repeated"] = new(Number(smd.Groups[1].Value), Number(smd.Groups[2].Value));
            }
            else if (Images().Match(line) is { Success: true } images)
            {
                costs["an image"] = new(1000 / Number(images.Groups[1].Value), Number(images.Groups[2].Value));
            }
        }
        return costs.Count > 0
            ? costs
            : throw new InvalidOperationException($"{commit.Benchmarks} {section} told no times:\n{string.Join('\n', lines)}");
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\s+(\S+)\s+([\d.]+) ms an iteration,\s+([\d.]+) ms of processor time")]
    private static partial Regex Step();

    [GeneratedRegex(@"none repeated ([\d.]+) ms an iteration.*processor time [\d.]+ and ([\d.]+) ms")]
    private static partial Regex Repeated();

    [GeneratedRegex(@"ours ([\d.]+) images/s \(([\d.]+) ms processor time")]
    private static partial Regex Images();
}
