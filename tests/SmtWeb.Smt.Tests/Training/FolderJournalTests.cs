using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Tests.Training;

public sealed class FolderJournalTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("smtweb-journal-").FullName;
    private readonly TrainingSpec _spec = Presets.Find("swiss-roll")!.Spec.ForQuickTest();
    private readonly StringWriter _console = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Metrics_ResumedAfterLosingWork_AreOneCurve()
    {
        using (var first = Open())
        {
            Assert.Null(first.CheckpointPath);
            first.Metrics([Point(1, 0.5), Point(2, double.NaN)]);
            first.Checkpoint(Facts(2, null), stream => stream.Write([1, 2, 3]));
            first.Metrics([Point(3, 0.1)]);
            first.Evaluation(Distance(3, 9));
        }

        // The process was killed in the middle of a line.
        File.AppendAllText(Path.Combine(_folder, "metrics.jsonl"), "{\"name\":\"loss/sc");
        using (var second = Open())
        {
            Assert.Equal([1, 2, 3], File.ReadAllBytes(second.CheckpointPath!));
            second.Metrics([Point(3, 0.2)]);
        }

        var lines = File.ReadAllLines(Path.Combine(_folder, "metrics.jsonl"));
        Assert.Equal(3, lines.Length);
        Assert.Contains("\"NaN\"", lines[1]);
        Assert.Contains("0.2", lines[2]);
        Assert.Empty(File.ReadAllLines(Path.Combine(_folder, "evaluations.jsonl")));
    }

    [Fact]
    public void Open_WhileAnotherWrites_IsRefusedUntilThatEnds()
    {
        using (var writing = Open())
        {
            writing.Log(LogLevel.Information, "Starts.");
            Assert.Contains("another process trains there", Assert.Throws<IOException>(Open).Message);
        }

        Open().Dispose();
    }

    [Fact]
    public void Open_TwoIntoOneEmptyFolder_TheFirstToWriteHasIt()
    {
        using var late = Open();
        using (var early = Open())
        {
            early.Log(LogLevel.Information, "Starts.");
            Assert.Contains(
                "another process trains there",
                Assert.Throws<IOException>(() => late.Log(LogLevel.Information, "Starts.")).Message
            );
            early.Checkpoint(Facts(4, null), stream => stream.WriteByte(4));
        }

        // it would start from nothing over a run that is done by now
        Assert.Contains("meanwhile", Assert.Throws<IOException>(() => late.Log(LogLevel.Information, "Starts.")).Message);
        Assert.Single(File.ReadAllLines(Path.Combine(_folder, "log.txt")));
    }

    [Fact]
    public void Open_NothingWritten_LeavesNothing()
    {
        var absent = Path.Combine(_folder, "runs", "1");
        new FolderJournal(absent, _spec, _console, terminal: false).Dispose();
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void Open_AFile_IsRefusedAndKept()
    {
        var file = Path.Combine(_folder, "notes.txt");
        File.WriteAllText(file, "mine");
        Assert.Contains(
            "notes.txt is a file",
            Assert.Throws<IOException>(() => new FolderJournal(file, _spec, _console, terminal: false)).Message
        );
        Assert.Equal("mine", File.ReadAllText(file));
    }

    [Fact]
    public void Console_EndOfARun_ShowsWhereItCameTo()
    {
        using (var journal = Open())
        {
            journal.Metrics([Point(5, 0.5)]);
            journal.Metrics([Point(_spec.Method.Warmup() + _spec.Optimisation.Iterations, 0.5)]);
            journal.Evaluation(Distance(12, 0.25));
        }

        var lines = _console.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length); // not one for every point
        Assert.StartsWith("training 5/12", lines[0]);
        Assert.StartsWith("training 12/12 (100 %)", lines[1]);
        Assert.Contains("0.25", lines[1]);
    }

    [Fact]
    public void Checkpoint_WriterFails_LeavesEarlierOnesAndNoPart()
    {
        using var journal = Open();
        journal.Checkpoint(Facts(4, null), stream => stream.Write([1]));
        Assert.Throws<IOException>(() =>
            journal.Checkpoint(
                Facts(8, null),
                stream =>
                {
                    stream.Write(new byte[100]);
                    throw new IOException("No space left on device");
                }
            )
        );
        Assert.EndsWith("00000004.safetensors", journal.CheckpointPath);
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "checkpoints"), "*.part"));
    }

    [Fact]
    public void Checkpoint_MoreThanKept_KeepsTheNewestAndTheBest()
    {
        using var journal = Open();
        foreach (var (iteration, distance) in new (long, double?)[] { (1, 5), (2, 3), (3, 7), (4, null), (5, 9) })
        {
            journal.Checkpoint(Facts(iteration, distance), stream => stream.WriteByte((byte)iteration));
        }
        Assert.Equal(2, _spec.Evaluation.CheckpointsKept);
        Assert.Equal(
            ["00000002", "00000004", "00000005"],
            Directory
                .GetFiles(Path.Combine(_folder, "checkpoints"), "*.safetensors")
                .Select(f => Path.GetFileNameWithoutExtension(f))
                .Order()
        );
    }

    [Theory]
    [InlineData("cut")]
    [InlineData("flipped")]
    [InlineData("empty")]
    public void Open_NewestCheckpointDamaged_GoesOnFromTheWholeOneAndSetsItAside(string damage)
    {
        using (var first = Open())
        {
            foreach (var iteration in new[] { 2, 4 })
            {
                first.Metrics([Point(iteration, 0.5)]);
                first.Checkpoint(Facts(iteration, null), stream => stream.Write(new byte[100]));
            }
        }

        var newest = Path.Combine(_folder, "checkpoints", "00000004.safetensors");
        var bytes = File.ReadAllBytes(newest);
        bytes[50] ^= 1;
        File.WriteAllBytes(
            newest,
            damage switch
            {
                "cut" => bytes[..60],
                "flipped" => bytes,
                _ => [],
            }
        );
        using (var second = Open())
        {
            Assert.EndsWith("00000002.safetensors", second.CheckpointPath);
            second.Metrics([Point(3, 0.25)]);
        }

        Assert.True(File.Exists(newest + ".damaged"));
        Assert.Equal(
            [2L, 3],
            File.ReadAllLines(Path.Combine(_folder, "metrics.jsonl"))
                .Select(l => System.Text.Json.JsonDocument.Parse(l).RootElement.GetProperty("iteration").GetInt64())
        );
        foreach (var text in new[] { _console.ToString(), File.ReadAllText(Path.Combine(_folder, "log.txt")) })
        {
            foreach (
                var part in new[]
                {
                    "Warning",
                    "00000004.safetensors is damaged",
                    "set aside as 00000004.safetensors.damaged",
                    "goes on from iteration 2",
                }
            )
            {
                Assert.Contains(part, text);
            }
        }
        using var third = Open(); // nothing more to say
        Assert.EndsWith("00000002.safetensors", third.CheckpointPath);
    }

    [Fact]
    public void Open_EveryCheckpointDamaged_IsRefusedAndNothingIsTouched()
    {
        using (var first = Open())
        {
            first.Checkpoint(Facts(2, null), stream => stream.Write(new byte[100]));
            first.Checkpoint(Facts(4, null), stream => stream.Write(new byte[100]));
        }

        var files = Directory.GetFiles(Path.Combine(_folder, "checkpoints"), "*.safetensors");
        foreach (var file in files)
        {
            File.WriteAllBytes(file, new byte[7]);
        }
        for (var again = 0; again < 2; again++) // the lock is given back
        {
            var error = Assert.Throws<IOException>(Open);
            foreach (var part in new[] { _folder, "none of its 2 checkpoints is whole", "empty folder" })
            {
                Assert.Contains(part, error.Message);
            }
        }

        Assert.Equal(files.Order(), Directory.GetFiles(Path.Combine(_folder, "checkpoints"), "*.safetensors*").Order());
    }

    [Fact]
    public void Open_CheckpointOfBeforeHashes_IsJudgedByItsSize()
    {
        var whole = CheckpointBytes();
        using (var first = Open())
        {
            first.Checkpoint(Facts(2, null), stream => stream.Write(whole));
            first.Checkpoint(Facts(4, null), stream => stream.Write(whole));
        }

        File.Delete(Path.Combine(_folder, "checkpoints", "index.jsonl"));
        using (var second = Open())
        {
            Assert.EndsWith("00000004.safetensors", second.CheckpointPath);
        }
        File.WriteAllBytes(Path.Combine(_folder, "checkpoints", "00000004.safetensors"), whole[..^1]);
        using (var third = Open())
        {
            Assert.EndsWith("00000002.safetensors", third.CheckpointPath);
        }
    }

    [Fact]
    public void Checkpoint_WrittenAgainAtTheSameIteration_IsWhole()
    {
        using (var first = Open())
        {
            first.Checkpoint(Facts(2, 5), stream => stream.Write([1, 2, 3]));
        }
        using (var second = Open())
        {
            second.Checkpoint(Facts(2, null), stream => stream.Write([4, 5]));
        }
        using var third = Open();
        Assert.Equal([4, 5], File.ReadAllBytes(third.CheckpointPath!));
    }

    [Fact]
    public void OpenTeacher_NewestDamaged_ReadsTheOneBeforeAndTouchesNothing()
    {
        using (var teacher = Open())
        {
            teacher.Checkpoint(Facts(2, null), stream => stream.Write([1, 2, 3]));
            teacher.Checkpoint(Facts(4, null), stream => stream.Write([4, 5, 6]));
        }

        File.WriteAllBytes(Path.Combine(_folder, "checkpoints", "00000004.safetensors"), [4]);
        using var other = new FolderJournal(Path.Combine(_folder, "other"), _spec, _console, terminal: false);
        using var opened = other.OpenTeacher(_folder);
        Assert.Equal(1, opened.ReadByte());
        Assert.Empty(Directory.GetFiles(_folder, "*.damaged", SearchOption.AllDirectories));
    }

    private static byte[] CheckpointBytes()
    {
        using var stream = new MemoryStream();
        SmtWeb.Data.Weights.SafetensorsWriter.Write(stream, [], new Dictionary<string, string> { ["format"] = CheckpointFile.Format });
        return stream.ToArray();
    }

    [Fact]
    public void Open_FolderOfAnotherSpec_IsRefused()
    {
        using (var first = Open())
        {
            first.Log(LogLevel.Information, "Starts.");
        }
        var error = Assert.Throws<IOException>(() => new FolderJournal(_folder, _spec with { Seed = 77 }, _console, terminal: false));
        Assert.Contains(_folder, error.Message);
    }

    [Fact]
    public void Picture_Written_LiesUnderItsKindAndIteration()
    {
        using var journal = Open();
        journal.Picture(new PictureRecord(PictureKind.Scatter, 4, 64, 1, 1, 0, [], [9, 9]));
        Assert.Equal([9, 9], File.ReadAllBytes(Path.Combine(_folder, "scatter", "00000004.png")));
    }

    [Fact]
    public void Pause_Asked_IsSignalled()
    {
        using var journal = Open();
        Assert.Equal(TrainingSignal.Continue, journal.Signal);
        journal.Pause();
        Assert.Equal(TrainingSignal.Pause, journal.Signal);
    }

    [Fact]
    public void Metrics_OnATerminal_ShowProgressSpeedAndTimeLeft()
    {
        using (var journal = new FolderJournal(_folder, _spec, _console, terminal: true))
        {
            journal.Metrics([Point(2, 1, seconds: 1)]);
            journal.Evaluation(Distance(4, 0.125));
            journal.Metrics([Point(12, 1, seconds: 6)]);
            journal.Log(LogLevel.Warning, "Step skipped.");
        }

        Assert.Contains("training 12/12 (100 %) · 32 images/s · 0:00 left · sw2 0.125", _console.ToString());
        Assert.Contains("Warning: Step skipped.", _console.ToString());
        Assert.Contains("Warning", File.ReadAllText(Path.Combine(_folder, "log.txt")));
    }

    private static MetricPoint Point(long iteration, double value, double seconds = 0) =>
        new("loss/score", iteration, iteration * 16, seconds, value);

    private static CheckpointRecord Facts(long iteration, double? distance) => new(iteration, iteration * 16, 1, distance, "test");

    private static EvaluationRecord Distance(long iteration, double value) =>
        new("sw2", value, iteration, iteration * 16, 1, 32, 0, "", "", "", "", "ema", false);

    private FolderJournal Open() => new(_folder, _spec, _console, terminal: false);
}
