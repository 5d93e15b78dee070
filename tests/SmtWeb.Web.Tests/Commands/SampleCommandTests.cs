using SmtWeb.Data.Formats;
using SmtWeb.Data.Weights;
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

    [Fact]
    public async Task Sample_ClassByNumberOrName_DrawsTheSamePicture()
    {
        Assert.SkipUnless(Directory.Exists(FashionMnist.DefaultFolder), "The Debian package dataset-fashion-mnist is not installed.");
        // barely trained, its classes look alike: the weights are moved apart
        var checkpoint = Shaken(Train(new SmtSpec(), "fashion-mnist-quick"));
        Assert.Equal(0, await DrawAsync(checkpoint, "number.png", "--class", "9"));
        Assert.Equal(0, await DrawAsync(checkpoint, "name.png", "--class", "ankle boot"));
        Assert.Equal(0, await DrawAsync(checkpoint, "named.png", "--class", "name:Ankle boot"));
        Assert.Equal(0, await DrawAsync(checkpoint, "other.png", "--class", "Bag"));
        Assert.Equal(Picture("number.png"), Picture("name.png"));
        Assert.Equal(Picture("number.png"), Picture("named.png"));
        Assert.NotEqual(Picture("number.png"), Picture("other.png"));
        foreach (var none in new[] { "10", "-1", "boot", "" })
        {
            Assert.Equal(2, await DrawAsync(checkpoint, "none.png", "--class", none));
            Assert.False(File.Exists(Path.Combine(_folder, "none.png")));
        }
    }

    private string Shaken(string checkpoint)
    {
        var path = Path.Combine(_folder, "shaken.safetensors");
        var (metadata, tensors) = SafetensorsReader.ReadFile(checkpoint);
        using var file = File.Create(path);
        SafetensorsWriter.Write(
            file,
            tensors.Select(t => new SafetensorsSource(t.Key, t.Value.Entry.Type, t.Value.Entry.Shape, Moved(t.Key, t.Value.Bytes))),
            metadata
        );
        return path;

        static byte[] Moved(string name, byte[] bytes)
        {
            if (name.StartsWith(CheckpointFile.AveragePrefix, StringComparison.Ordinal))
            {
                var values = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(bytes.AsSpan());
                for (var k = 0; k < values.Length; k++)
                {
                    values[k] += 0.05f * MathF.Sin(k * 1.7f);
                }
            }
            return bytes;
        }
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

    private string Train(MethodSpec method, string preset = "swiss-roll")
    {
        var spec = (Presets.Find(preset)!.Spec with { Method = method }).ForQuickTest();
        using var journal = new FolderJournal(Path.Combine(_folder, "run"), spec, TextWriter.Null, terminal: false);
        TrainingSession.Run(spec, journal, null, 1);
        return journal.CheckpointPath!;
    }
}
