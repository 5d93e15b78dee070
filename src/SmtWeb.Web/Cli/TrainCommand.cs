using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Web.Cli;

/// <summary>
/// <c>smtweb train</c>: a spec file into a folder, with no database; or, started by a worker, one attempt at a run.
/// </summary>
internal sealed class TrainCommand : Command
{
    private const int DefaultThreads = 2;
    private const int Interrupted = 130;

    // a script that retries what was interrupted must not retry this
    internal const int NotFinite = 6;

    internal override string Name => "train";

    internal override string Summary => "Trains a spec from a file (or a preset) and writes the results to a folder; needs no database.";

    internal override string Usage => "train SPEC.json --out FOLDER [options]";

    internal override int Words => 1;

    internal override IReadOnlyList<CommandOption> Options { get; } =
    [
        new("out", "FOLDER", "Folder of the results; made if it is not there."),
        new("preset", "NAME", $"A preset in place of the file: {string.Join(", ", Presets.All.Select(p => p.Name))}."),
        new("fork", "FILE", "A checkpoint of any run to go on from, as a run of its own; without a spec, with the settings in it."),
        new("changed-data", null, "Go on although the data are not those that the run began with; the log says so."),
        new("threads", "N", "CPU threads (those of the spec, else 2)."),
        new("run", "N", "Id of a run in the database; a worker's own call."),
        new("attempt", "A", "Attempt at that run; a worker's own call."),
        new("rank", "R", "Rank of a run on several devices; a trainer's own call."),
        new("of", "N", "Number of its ranks; a trainer's own call."),
        new("meet", "HOST:PORT", "Where its ranks meet; a trainer's own call."),
    ];

    internal override string Notes =>
        """
            The folder gets spec.json, metrics.jsonl, evaluations.jsonl, log.txt, pictures (PNG) and checkpoints (safetensors).
            Ctrl+C writes a checkpoint and ends (exit status 130); the same command again goes on from it. A run whose losses or gradients
            are no longer finite ends with exit status 6 and keeps its checkpoints of before: fork it from one with lower rates.
            All images are read once before the first iteration (and not again while they stay as they are). Going on, what does not change
            what is learned may be another: evaluation, hardware but for the precision, skipCorrupt, and the iterations where both rates are
            constant.
            """;

    internal override async Task<int> RunAsync(CommandArguments arguments, CancellationToken ct)
    {
        if (arguments.Has("run") || arguments.Has("attempt"))
        {
            var run = arguments.Number("run", 0, 1, long.MaxValue);
            return await Worker.Training.TrainCommand.RunAsync(run, (int)arguments.Number("attempt", 0, 1, int.MaxValue));
        }

        if (arguments.Has("rank"))
        {
            var size = (int)arguments.Number("of", 0, 2, 1024);
            var rank = (int)arguments.Number("rank", 0, 1, size - 1);
            RankProcess.Run(
                Console.In,
                Console.Out,
                rank,
                size,
                arguments.Required("meet"),
                (int)arguments.Number("threads", DefaultThreads, 1, 1024)
            );
            return 0;
        }

        var folder = arguments.Required("out");
        var threads = (int)arguments.Number("threads", DefaultThreads, 1, 1024);
        var fork = arguments.Text("fork") is { } file ? FolderFork.Read(file) : null;
        var spec =
            fork is not null && arguments.Words.Count == 0 && !arguments.Has("preset") ? fork.Spec : await ReadSpecAsync(arguments, ct);
        using var journal = new FolderJournal(folder, spec, Console.Out, terminal: !Console.IsOutputRedirected)
        {
            AcceptsChangedData = arguments.Has("changed-data"),
        };
        if (fork is not null)
        {
            journal.Fork(fork);
        }

        using var signals = journal.PauseOnSignals();
        await using var checkpoint = journal.CheckpointPath is { } path ? File.OpenRead(path) : null;
        TrainingResult result;
        try
        {
            result = TrainingSession.Run(spec, journal, checkpoint, threads);
        }
        catch (Exception e)
        {
            // the run's own log says how it ended, whatever becomes of the console
            journal.Fail(
                e is SpecException wrong ? string.Join("; ", wrong.Errors.Select(error => $"{error.Path}: {error.Message}")) : e.Message
            );
            throw;
        }

        await Console.Out.WriteLineAsync($"{result.Outcome}: {result.Reason}");
        return result.Outcome switch
        {
            TrainingOutcome.Finished => 0,
            TrainingOutcome.NotFinite => NotFinite,
            TrainingOutcome.Paused or TrainingOutcome.Stopped or TrainingOutcome.Abandoned => Interrupted,
        };
    }

    private static async Task<TrainingSpec> ReadSpecAsync(CommandArguments arguments, CancellationToken ct)
    {
        if (arguments.Text("preset") is { } name)
        {
            return arguments.Words.Count == 0
                ? (
                    Presets.Find(name)
                    ?? throw new CommandLineException(
                        $"There is no preset '{name}'.{Suggestion.For(name, Presets.All.Select(p => p.Name))}"
                    )
                ).Spec
                : throw new CommandLineException("Give either a spec file or --preset, not both.");
        }

        if (arguments.Words.Count == 0)
        {
            throw new CommandLineException("Which spec? Give a file or --preset NAME.");
        }

        var (spec, errors) = SpecJson.Parse(await File.ReadAllTextAsync(arguments.Words[0], ct));
        return spec is null ? throw new SpecException(errors) : spec with { Data = ImageSources.Complete(spec.Data) };
    }
}
