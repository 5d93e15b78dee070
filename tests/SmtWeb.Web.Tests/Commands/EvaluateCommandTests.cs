using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Web.Cli;

namespace SmtWeb.Web.Tests.Commands;

/// <summary><c>smtweb evaluate</c> on a checkpoint of a run of seconds.</summary>
public sealed class EvaluateCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("smtweb-evaluate-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Evaluate_Steps_AreMeasuredOrRefused()
    {
        var checkpoint = Train();
        foreach (var steps in new[] { "1", "2" })
        {
            Assert.Equal(0, await RunAsync(checkpoint, "--steps", steps));
        }
        foreach (var steps in new[] { "3", "4", "0", "two" })
        {
            Assert.Equal(2, await RunAsync(checkpoint, "--steps", steps));
        }
    }

    private static Task<int> RunAsync(string checkpoint, params string[] more) =>
        new CommandTable(new EvaluateCommand()).RunAsync([
            "evaluate",
            "--checkpoint",
            checkpoint,
            "--samples",
            "64",
            "--threads",
            "1",
            .. more,
        ]);

    private string Train()
    {
        var spec = (Presets.Find("swiss-roll")!.Spec with { Method = new SmtSpec { GeneratorSteps = 2 } }).ForQuickTest();
        using var journal = new FolderJournal(Path.Combine(_folder, "run"), spec, TextWriter.Null, terminal: false);
        TrainingSession.Run(spec, journal, null, 1);
        return journal.CheckpointPath!;
    }
}
