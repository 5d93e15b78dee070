using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Web.Cli;

namespace SmtWeb.Web.Tests.Commands;

/// <summary><c>smtweb sample</c> on checkpoints of runs of seconds.</summary>
public sealed class SampleCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("smtweb-sample-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Sample_StepsTrainedFor_DrawsEachItsOwnPicture()
    {
        var checkpoint = Train(new SmtSpec { GeneratorSteps = 2 });
        Assert.Equal(0, await DrawAsync(checkpoint, "plain.png"));
        Assert.Equal(0, await DrawAsync(checkpoint, "one.png", "--steps", "1"));
        Assert.Equal(0, await DrawAsync(checkpoint, "two.png", "--steps", "2"));
        Assert.Equal(Picture("plain.png"), Picture("one.png"));
        Assert.NotEqual(Picture("one.png"), Picture("two.png"));
        Assert.Equal([0x89, 0x50, 0x4E, 0x47], Picture("two.png")[..4]);
        Assert.Equal(2, await DrawAsync(checkpoint, "four.png", "--steps", "4"));
        Assert.False(File.Exists(Path.Combine(_folder, "four.png")));
    }

    [Theory]
    [InlineData("2")]
    [InlineData("three")]
    public async Task Sample_StepsNotTrainedFor_EndsWithCode2AndWritesNothing(string steps)
    {
        Assert.Equal(2, await DrawAsync(Train(new SmtSpec()), "x.png", "--steps", steps));
        Assert.False(File.Exists(Path.Combine(_folder, "x.png")));
    }

    private byte[] Picture(string name) => File.ReadAllBytes(Path.Combine(_folder, name));

    private Task<int> DrawAsync(string checkpoint, string name, params string[] more) =>
        new CommandTable(new SampleCommand()).RunAsync([
            "sample",
            "--checkpoint",
            checkpoint,
            "--out",
            Path.Combine(_folder, name),
            "--count",
            "50",
            .. more,
        ]);

    private string Train(MethodSpec method)
    {
        var spec = (Presets.Find("swiss-roll")!.Spec with { Method = method }).ForQuickTest();
        using var journal = new FolderJournal(Path.Combine(_folder, "run"), spec, TextWriter.Null, terminal: false);
        TrainingSession.Run(spec, journal, null, 1);
        return journal.CheckpointPath!;
    }
}
