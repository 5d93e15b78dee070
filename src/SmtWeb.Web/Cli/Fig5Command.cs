using System.Globalization;
using System.Text.Json;
using SmtWeb.Data.Batches;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Images.Figures;
using SmtWeb.Data.Settings;
using SmtWeb.Measures;
using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Web.Cli;

/// <summary><c>smtweb fig5</c>: every method on the Swiss roll in one picture and one table, as in Fig. 5 of the paper.</summary>
internal sealed class Fig5Command : Command
{
    private const int Samples = 10_000;
    private const int Columns = 4;
    private const int PanelSide = 480;
    private const int Interrupted = 130;
    private static readonly Dictionary<string, string> Letters = new()
    {
        ["smt-no-gan"] = "(b)",
        ["smt"] = "(c)",
        ["smd"] = "(d)",
        ["reverse-kl"] = "(e)",
    };
    private static readonly JsonSerializerOptions Indented = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    internal override string Name => "fig5";

    internal override string Summary => "Trains every method on the Swiss roll and draws Fig. 5 with a table; needs no database.";

    internal override string Usage => "fig5 --out FOLDER [options]";

    internal override IReadOnlyList<CommandOption> Options { get; } =
    [
        new("out", "FOLDER", "Folder of the figure and of one run per method; made if it is not there."),
        new("iterations", "N", $"Iterations of every method (200000, those of App. E.2; {Sweeps.IterationsInMinutes} with --quick)."),
        new("methods", "LIST", $"Only these, separated by commas: {string.Join(", ", Sweeps.Fig5.Presets.Select(Short))}."),
        new(
            "quick",
            null,
            "Larger rates, annealed, and a moving average (those of preset swiss-roll) in place of the settings of App. E.2."
        ),
        new("threads", "N", "CPU threads (1: these networks are too small for more)."),
        new("json", null, "Print the table as JSON."),
    ];

    internal override string Notes =>
        """
            Writes fig5.png (the data, then 10,000 samples of each method over them), fig5.json (sliced Wasserstein-2, share of
            samples off the roll) and a folder per method; picture and table grow with every method that is done. Ctrl+C writes a
            checkpoint and ends; the same command again goes on from there, and a method that is done is not trained again.
            """;

    internal override async Task<int> RunAsync(CommandArguments arguments, CancellationToken ct)
    {
        var folder = arguments.Required("out");
        var chosen = Chosen(arguments.Text("methods"));
        var quick = arguments.Has("quick");
        int? iterations =
            arguments.Has("iterations") ? (int)arguments.Number("iterations", 1, 1, 100_000_000)
            : quick ? Sweeps.IterationsInMinutes
            : null;
        var log = arguments.Has("json") ? Console.Error : Console.Out;
        Directory.CreateDirectory(folder);

        var done = new Dictionary<string, (Fig5Row Row, PointPanel Panel)>();
        foreach (var (k, name) in chosen.Index())
        {
            var spec = SpecOf(name, folder, quick, iterations);
            var warmup = spec.Method.Warmup() is > 0 and var n ? $" after {n} of warm-up" : "";
            await log.WriteLineAsync(
                $"[{k + 1}/{chosen.Count}] {Short(name)}: {ChoiceAttribute.LabelOf(spec.Method)}, {spec.Optimisation.Iterations} "
                    + $"iterations{warmup}"
            );
            if (Train(spec, Path.Combine(folder, Short(name)), (int)arguments.Number("threads", 1, 1, 1024), log) is { } unfinished)
            {
                var again = unfinished.Outcome is not TrainingOutcome.NotFinite; // that would only come to the same
                await log.WriteLineAsync(
                    $"{unfinished.Outcome}: {unfinished.Reason}{(again ? " The same command goes on from here." : "")}"
                );
                return again ? Interrupted : TrainCommand.NotFinite;
            }

            done.Add(name, Measure(name, spec, Path.Combine(folder, Short(name))));
            await WriteAsync(folder, done, ct);
        }

        var rows = Ordered(done).Select(d => d.Row).ToList();
        await Console.Out.WriteLineAsync(arguments.Has("json") ? JsonSerializer.Serialize(rows, Indented) : Table(rows));
        await log.WriteLineAsync($"Figure: {Path.Combine(folder, "fig5.png")}");
        return 0;
    }

    private static async Task WriteAsync(
        string folder,
        IReadOnlyDictionary<string, (Fig5Row Row, PointPanel Panel)> done,
        CancellationToken ct
    )
    {
        var figure = PointFigure.Compare([new("Data", "", Reference(0.25), []), .. Ordered(done).Select(d => d.Panel)], Columns, PanelSide);
        await File.WriteAllBytesAsync(Path.Combine(folder, "fig5.png"), figure.ToPng(), ct);
        await File.WriteAllTextAsync(
            Path.Combine(folder, "fig5.json"),
            JsonSerializer.Serialize(Ordered(done).Select(d => d.Row), Indented) + "\n",
            ct
        );
    }

    // the teacher is trained first and shown last
    private static IEnumerable<(Fig5Row Row, PointPanel Panel)> Ordered(
        IReadOnlyDictionary<string, (Fig5Row Row, PointPanel Panel)> done
    ) => Sweeps.Fig5.Presets.Where(done.ContainsKey).Select(name => done[name]);

    // a distillation needs its teacher trained before
    private static IReadOnlyList<string> Chosen(string? list)
    {
        if (list is null)
        {
            return [.. Sweeps.Fig5.Presets.OrderBy(p => p == Sweeps.Fig5.Teacher ? 0 : 1)];
        }

        var names = list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var all = Sweeps.Fig5.Presets.ToDictionary(Short);
        foreach (var name in names.Where(n => !all.ContainsKey(n)))
        {
            throw new CommandLineException(
                $"There is no method '{name}'.{Suggestion.For(name, all.Keys)} Methods: {string.Join(", ", all.Keys)}."
            );
        }

        var chosen = names.Select(n => all[n]).ToHashSet();
        if (chosen.Any(n => Presets.Find(n)!.Spec.Method is SmdSpec))
        {
            chosen.Add(Sweeps.Fig5.Teacher!);
        }

        return chosen.Count == 0
            ? throw new CommandLineException("Option --methods names no method.")
            : [.. chosen.OrderBy(p => p == Sweeps.Fig5.Teacher ? 0 : 1)];
    }

    private static TrainingSpec SpecOf(string preset, string folder, bool quick, int? iterations)
    {
        var spec = Presets.Find(preset)!.Spec;
        if (quick)
        {
            spec = Sweeps.InMinutes(spec, iterations!.Value);
        }
        else if (iterations is { } n)
        {
            spec = spec with
            {
                Optimisation = spec.Optimisation with { Iterations = n },
                Method = spec.Method switch
                {
                    SmtSpec smt => smt with
                    {
                        WarmupIterations = Math.Min(smt.WarmupIterations, n),
                        ScoreUpdatesPerGeneratorUpdate = Math.Min(smt.ScoreUpdatesPerGeneratorUpdate, n),
                    },
                    ReverseKlSpec kl => kl with
                    {
                        WarmupIterations = Math.Min(kl.WarmupIterations, n),
                        ScoreUpdatesPerGeneratorUpdate = Math.Min(kl.ScoreUpdatesPerGeneratorUpdate, n),
                    },
                    SmdSpec smd => smd with { ScoreUpdatesPerGeneratorUpdate = Math.Min(smd.ScoreUpdatesPerGeneratorUpdate, n) },
                    _ => spec.Method,
                },
            };
        }

        // the path is part of the spec: absolute, so that going on from another folder finds the same run
        return spec.Method is SmdSpec distilled
            ? spec with
            {
                Method = distilled with { Teacher = Path.GetFullPath(Path.Combine(folder, Short(Sweeps.Fig5.Teacher!))) },
            }
            : spec;
    }

    private static TrainingResult? Train(TrainingSpec spec, string folder, int threads, TextWriter log)
    {
        using var journal = new FolderJournal(
            folder,
            spec,
            log,
            terminal: !Console.IsOutputRedirected && ReferenceEquals(log, Console.Out)
        );
        using var signals = journal.PauseOnSignals();
        using var checkpoint = journal.CheckpointPath is { } path ? File.OpenRead(path) : null;
        var result = TrainingSession.Run(spec, journal, checkpoint, threads);
        return result.Outcome is TrainingOutcome.Finished ? null : result;
    }

    private static (Fig5Row Row, PointPanel Panel) Measure(string name, TrainingSpec spec, string folder)
    {
        using var journal = new FolderJournal(folder, spec, TextWriter.Null, terminal: false);
        using var file = File.OpenRead(journal.CheckpointPath!);
        using var generator = OneStepGenerator.Load(file);
        float[] samples =
        [
            .. generator.Points([.. Enumerable.Range(0, Samples).Select(k => (ulong)k)]).SelectMany(p => new[] { p.X, p.Y }),
        ];
        var noise = ((SwissRollSpec)spec.Data).Noise;
        var reference = Reference(noise);
        var finite = Array.TrueForAll(samples, float.IsFinite);
        var row = new Fig5Row(
            Short(name),
            Presets.Find(name)!.Title.Split(": ")[^1],
            ChoiceAttribute.LabelOf(spec.Method),
            generator.Iteration,
            Samples,
            finite ? SlicedWasserstein.Distance(reference, samples) : null,
            RollShare.Off(samples, noise),
            RollShare.Off(reference, noise)
        );
        var distance = row.SlicedWasserstein is { } known ? string.Create(CultureInfo.InvariantCulture, $"SW₂ {known:F3}") : "not finite";
        var note = string.Create(CultureInfo.InvariantCulture, $"{distance}, {100 * row.OffRoll:F1} % off the roll");
        return (row, new PointPanel($"{Letters.GetValueOrDefault(row.Method)} {row.Panel}".Trim(), note, reference, samples));
    }

    private static float[] Reference(double noise) => SwissRoll.Draw(new HostRandom(seed: 0, stream: 5), Samples, noise);

    private static string Table(IReadOnlyList<Fig5Row> rows) =>
        string.Join(
            '\n',
            rows.Select(r =>
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{r.Method, -16}{r.Iterations, 12}{r.SlicedWasserstein, 10:F4}{r.OffRoll, 12:P2}"
                    )
                )
                .Prepend($"{"method", -16}{"iterations", 12}{"SW2", 10}{"off roll", 12}")
                .Append(string.Create(CultureInfo.InvariantCulture, $"{"(data)", -16}{"", 12}{"", 10}{rows[0].OffRollOfData, 12:P2}"))
        );

    private static string Short(string preset) => preset[(preset.IndexOf('/', StringComparison.Ordinal) + 1)..];

    /// <summary>
    /// A row of the table. Iterations are with the warm-up. Off roll: further from the curve than four standard deviations of the data's
    /// noise.
    /// </summary>
    private sealed record Fig5Row(
        string Method,
        string Panel,
        string Title,
        long Iterations,
        int Samples,
        double? SlicedWasserstein,
        double OffRoll,
        double OffRollOfData
    );
}
