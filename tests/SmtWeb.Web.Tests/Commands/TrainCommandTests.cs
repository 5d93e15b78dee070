using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;
using SmtWeb.Data.Weights;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;
using SmtWeb.Web.Cli;

namespace SmtWeb.Web.Tests.Commands;

/// <summary><c>smtweb train</c> into a folder: what a refused start leaves behind, and that a good one goes on.</summary>
public sealed class TrainCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("smtweb-train-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<int, string[]> Refused =>
        new()
        {
            { 2, ["--preset", "fig5/smd"] }, // its teacher is to be named
            { 2, ["--preset", "swiss-rol"] },
            { 2, ["--preset", "swiss-roll", "--threads", "0"] },
            { 2, ["--preset", "swiss-roll", "spec.json"] },
            { 2, ["invalid.json"] },
            { 2, ["broken.json"] },
            { 2, [] },
            { 1, ["absent.json"] },
            { 2, ["outside.json"] }, // data that are not below the folder of data sets
            { 1, ["no-data.json"] },
            { 1, ["no-teacher.json"] },
            { 1, ["bad-teacher.json"] },
        };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task Train_Refused_LeavesTheDiskAsItWas(int code, string[] args)
    {
        var roll = Presets.Find("swiss-roll")!.Spec.ForQuickTest();
        var distilled = Presets.Find("fig5/smd")!.Spec.ForQuickTest();
        Write("spec.json", SpecJson.Write(roll));
        Write("invalid.json", SpecJson.Write(roll with { Optimisation = roll.Optimisation with { BatchSize = -1 } }));
        Write("broken.json", "{");
        var images = Presets.Find("fashion-mnist-quick")!.Spec.ForQuickTest();
        Write("outside.json", SpecJson.Write(images with { Data = new ZipSpec { Source = Path.Combine(_folder, "absent.zip") } }));
        Write(
            "no-data.json",
            SpecJson.Write(
                images with
                {
                    Data = new ZipSpec
                    {
                        Source = $"absent-{Guid.NewGuid():N}.zip",
                        Side = 16,
                        Channels = 1,
                    },
                }
            )
        );
        Write(
            "no-teacher.json",
            SpecJson.Write(distilled with { Method = ((SmdSpec)distilled.Method) with { Teacher = Path.Combine(_folder, "absent") } })
        );
        Write(
            "bad-teacher.json",
            SpecJson.Write(distilled with { Method = ((SmdSpec)distilled.Method) with { Teacher = Path.Combine(_folder, "broken.json") } })
        );
        Directory.CreateDirectory(Path.Combine(_folder, "empty"));
        var before = Everything();

        var words = args.Select(a => a.EndsWith(".json", StringComparison.Ordinal) ? Path.Combine(_folder, a) : a).ToArray();
        foreach (var folder in new[] { "fresh", Path.Combine("deep", "fresh"), "empty" })
        {
            Assert.Equal(code, await TrainAsync(folder, words));
            Assert.Equal(before, Everything());
        }
    }

    [Fact]
    public async Task Train_RefusedWhereARunIs_KeepsWhatItHas()
    {
        var spec = Presets.Find("swiss-roll")!.Spec.ForQuickTest();
        var file = Write("spec.json", SpecJson.Write(spec));
        Assert.Equal(0, await TrainAsync("run", file, "--threads", "1"));
        var trained = Everything();
        Assert.Contains(trained, f => f.Path.EndsWith(".safetensors", StringComparison.Ordinal));

        Assert.Equal(2, await TrainAsync("run", file, "--threads", "none"));
        Assert.Equal(1, await TrainAsync("run", Write("other.json", SpecJson.Write(spec with { Seed = 77 }))));
        File.Delete(Path.Combine(_folder, "other.json"));
        Assert.Equal(trained, Everything());
        Assert.Equal(0, await TrainAsync("run", file, "--threads", "1"));
    }

    [Fact]
    public async Task Train_Fork_BeginsWhereItForkedAndNamesItsParent()
    {
        var spec = Presets.Find("swiss-roll")!.Spec.ForQuickTest();
        spec = spec with { Evaluation = spec.Evaluation with { CheckpointEvery = 2, CheckpointsKept = 10 } };
        Assert.Equal(0, await TrainAsync("parent", Write("spec.json", SpecJson.Write(spec)), "--threads", "1"));
        var files = Directory.GetFiles(Path.Combine(_folder, "parent", "checkpoints"), "*.safetensors").Order().ToList();
        var from = files[0];
        var at = long.Parse(Path.GetFileNameWithoutExtension(from), System.Globalization.CultureInfo.InvariantCulture);
        var changed = Write("changed.json", SpecJson.Write(spec with { Optimisation = spec.Optimisation with { GeneratorRate = 1e-7 } }));
        Assert.Equal(0, await TrainAsync("fork", changed, "--fork", from, "--threads", "1"));
        Assert.Equal(at + 1, File.ReadLines(Path.Combine(_folder, "fork", "metrics.jsonl")).Min(Iteration));
        Assert.Contains(
            $"Forked from {from}",
            await File.ReadAllTextAsync(Path.Combine(_folder, "fork", "log.txt"), TestContext.Current.CancellationToken)
        );
        Assert.Contains($"forked from {from}", File.ReadLines(Path.Combine(_folder, "fork", "checkpoints", "index.jsonl")).First());

        // the same command goes on; another folder's run is not taken for this fork; what does not fit leaves nothing
        Assert.Equal(0, await TrainAsync("fork", changed, "--fork", from, "--threads", "1"));
        Assert.Equal(1, await TrainAsync("fork", changed, "--fork", files[1]));
        var before = Everything();
        Assert.Equal(2, await TrainAsync("other", "--preset", "fashion-mnist-quick", "--fork", from));
        Assert.Equal(1, await TrainAsync("other", "--fork", Path.Combine(_folder, "spec.json")));
        Assert.Equal(before, Everything());
    }

    [Fact]
    public async Task Train_NotFinite_ExitsWithACodeOfItsOwnAndKeepsWhatWasBefore()
    {
        var spec = Presets.Find("swiss-roll")!.Spec.ForQuickTest();
        spec = spec with { Evaluation = spec.Evaluation with { CheckpointEvery = 1 } };
        Assert.Equal(0, await TrainAsync("parent", Write("spec.json", SpecJson.Write(spec)), "--threads", "1"));
        var poisoned = Path.Combine(_folder, "poisoned.safetensors");
        var (metadata, tensors) = SafetensorsReader.ReadFile(Last("parent"));
        await using (var file = File.Create(poisoned))
        {
            SafetensorsWriter.Write(
                file,
                tensors.Select(t => new SafetensorsSource(
                    t.Key,
                    t.Value.Entry.Type,
                    t.Value.Entry.Shape,
                    t.Key == "score.output.bias" ? NaNs(t.Value.Bytes) : t.Value.Bytes
                )),
                metadata
            );
        }

        var longer = Write(
            "longer.json",
            SpecJson.Write(spec with { Optimisation = spec.Optimisation with { Iterations = spec.Optimisation.Iterations + 20 } })
        );
        Assert.Equal(TrainCommand.NotFinite, await TrainAsync("fork", longer, "--fork", poisoned, "--threads", "1"));
        Assert.Single(Directory.GetFiles(Path.Combine(_folder, "fork", "checkpoints"), "*.safetensors"));

        static byte[] NaNs(byte[] bytes)
        {
            System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(bytes.AsSpan()).Fill(float.NaN);
            return bytes;
        }
    }

    private string Last(string run) => Directory.GetFiles(Path.Combine(_folder, run, "checkpoints"), "*.safetensors").Order().Last();

    private static long Iteration(string line) => System.Text.Json.JsonDocument.Parse(line).RootElement.GetProperty("iteration").GetInt64();

    [Fact]
    public async Task Train_OnImagesThatChange_IsToldApartFromTheRunThatBegan()
    {
        var data = Path.Combine(DatasetRoot.Folder, $"shell-{Guid.NewGuid():N}");
        try
        {
            for (var k = 0; k < 12; k++)
            {
                var pixels = new byte[16 * 16];
                Array.Fill(pixels, (byte)(k * 20));
                Directory.CreateDirectory(Path.Combine(data, k < 6 ? "cat" : "dog"));
                File.WriteAllBytes(Path.Combine(data, k < 6 ? "cat" : "dog", $"{k}.png"), new Raster(16, 16, 1, pixels).ToPng());
            }

            var preset = Presets.Find("fashion-mnist-quick")!.Spec.ForQuickTest();
            string Spec(string name, FolderSpec of) => Write(name, SpecJson.Write(preset with { Data = of }));
            var folder = new FolderSpec { Source = Path.GetFileName(data) };
            Assert.Equal(2, await TrainAsync("stated", Spec("stated.json", folder with { Sha256 = "0000" })));
            Assert.Contains("0000", File.ReadAllText(Path.Combine(_folder, "stated", "log.txt")));

            // a truncated image: found before anything is trained, and passed over in the same folder when that is asked for
            var cut = Path.Combine(data, "dog", "7.png");
            var whole = File.ReadAllBytes(cut);
            File.WriteAllBytes(cut, whole[..40]);
            Assert.Equal(1, await TrainAsync("run", Spec("strict.json", folder)));
            Assert.Contains("dog/7.png", File.ReadAllText(Path.Combine(_folder, "run", "log.txt")));
            Assert.Equal(0, await TrainAsync("run", Spec("skipping.json", folder with { SkipCorrupt = true })));
            Assert.Contains("data.skipCorrupt from false to true", File.ReadAllText(Path.Combine(_folder, "run", "log.txt")));

            // other data under a run that has begun
            File.WriteAllBytes(cut, whole);
            Assert.Equal(1, await TrainAsync("run", Spec("skipping.json", folder with { SkipCorrupt = true })));
            Assert.Contains("The data have changed since this run began", File.ReadAllText(Path.Combine(_folder, "run", "log.txt")));
            Assert.Equal(0, await TrainAsync("run", Spec("skipping.json", folder with { SkipCorrupt = true }), "--changed-data"));
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private Task<int> TrainAsync(string folder, params string[] args) =>
        new CommandTable(new TrainCommand()).RunAsync(["train", "--out", Path.Combine(_folder, folder), .. args]);

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    private List<(string Path, long Length)> Everything() =>
        [
            .. new DirectoryInfo(_folder)
                .EnumerateFileSystemInfos("*", SearchOption.AllDirectories)
                .Select(e => (e.FullName, (e as FileInfo)?.Length ?? 0))
                .OrderBy(e => e.FullName, StringComparer.Ordinal),
        ];
}
