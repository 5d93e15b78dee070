using System.Text.Json;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Measures.Statistics;
using SmtWeb.Smt.Evaluation;
using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Tests.Datasets;
using SmtWeb.Smt.Tests.Metrics;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Training;

/// <summary>
/// Runs of <c>smtweb train</c> on a folder of images that changes under them: what began with some data does not go on with others in
/// silence.
/// </summary>
public sealed class DataTiedRunTests : TensorTest
{
    private const int Images = 36;

    private readonly string _data = Path.Combine(DatasetRoot.Folder, $"tied-{Guid.NewGuid():N}");
    private readonly string _run = Directory.CreateTempSubdirectory("smtweb-tied-run-").FullName;

    public DataTiedRunTests()
    {
        for (var k = 0; k < Images; k++)
        {
            Write(k, FolderOf(k));
        }
    }

    private string Log => File.ReadAllText(Path.Combine(_run, "log.txt"));

    public override void Dispose()
    {
        Directory.Delete(_data, recursive: true);
        Directory.Delete(_run, recursive: true);
        base.Dispose();
    }

    [Theory]
    [InlineData("0000")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void Run_StatedHashOfOtherData_IsRefusedWithBoth(string stated)
    {
        var error = Assert.Throws<SpecException>(() => Train(Spec(d => d with { Sha256 = stated })));
        var wrong = Assert.Single(error.Errors);
        Assert.Equal("$.data.sha256", wrong.Path);
        Assert.Contains(stated, wrong.Message);
        Assert.Contains(Hash(), wrong.Message);
    }

    [Fact]
    public void Run_TrueHash_IsInRecordsCheckpointsAndLog()
    {
        var hash = Hash();
        Assert.Equal(TrainingOutcome.Finished, Train(Spec(d => d with { Sha256 = hash.ToUpperInvariant() })));
        var records = File.ReadAllLines(Path.Combine(_run, "evaluations.jsonl")).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        Assert.NotEmpty(records);
        Assert.All(
            records,
            r => Assert.Equal(("swd", hash), (r.GetProperty("metric").GetString(), r.GetProperty("referenceHash").GetString()))
        );
        Assert.Contains($"Data: {Images} images, ", Log);
        Assert.Contains(hash, Log);
        using var newest = File.OpenRead(Directory.GetFiles(Path.Combine(_run, "checkpoints"), "*.safetensors").Max()!);
        Assert.Equal(
            (hash, Images),
            (
                CheckpointFile.Read(newest, _ => false).Progress.Data!.Sha256,
                CheckpointFile.Read(Rewound(newest), _ => false).Progress.Data!.Records
            )
        );
    }

    [Fact]
    public void Resume_AfterImagesWereDeleted_IsRefusedInWordsAndGoesOnOnlyWhenAskedTo()
    {
        Assert.Equal(TrainingOutcome.Paused, Train(Spec(), pauseAt: 3));
        var before = Hash();
        for (var k = 0; k < 9; k++)
        {
            File.Delete(FileOf(4 * k));
        }
        var error = Assert.Throws<DataChangedException>(() => Train(Spec()));
        foreach (var part in new[] { "36 images", "27 images", before, Hash(), "bring them back" })
        {
            Assert.Contains(part, error.Message);
        }
        Assert.Contains("Error", Log);
        Assert.Contains(error.Message, Log);

        Assert.Equal(TrainingOutcome.Finished, Train(Spec(), accept: true));
        Assert.Contains("The data have changed since this run began", Log);
        // it is tied to the new ones from here on
        for (var k = 0; k < 9; k++)
        {
            Write(4 * k, FolderOf(4 * k));
        }
        Assert.Throws<DataChangedException>(() => Train(Spec()));
    }

    [Fact]
    public void Resume_FilesTouchedOrANoteAdded_GoesOn()
    {
        Assert.Equal(TrainingOutcome.Paused, Train(Spec(), pauseAt: 3));
        foreach (var file in Directory.GetFiles(_data, "*.png", SearchOption.AllDirectories))
        {
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddHours(-1));
        }
        File.WriteAllText(Path.Combine(_data, "LICENSE.txt"), "public domain");
        Assert.Equal(TrainingOutcome.Finished, Train(Spec()));
    }

    [Fact]
    public void Resume_ClassesReplaced_IsRefusedByName()
    {
        Assert.Equal(TrainingOutcome.Paused, Train(Spec(), pauseAt: 3));
        Directory.Move(Path.Combine(_data, "1"), Path.Combine(_data, "zebra"));
        var error = Assert.Throws<SpecException>(() => Train(Spec()));
        Assert.Contains(error.Errors, e => e.Path == "$.data.classNames" && e.Message.Contains("class 0 is 1 there and 10 here"));
    }

    [Fact]
    public void Run_NumericNames_ArePointedOutAtTheStart()
    {
        Train(Spec());
        Assert.Contains("2 of the classes have a name that is another number than theirs", Log);
        Assert.Contains("0 (1)", Log);
    }

    [Fact]
    public void Run_TruncatedImage_IsFoundBeforeTheFirstIterationAndSkippedInTheSameFolder()
    {
        File.WriteAllBytes(FileOf(20), File.ReadAllBytes(FileOf(20))[..40]);
        var error = Assert.Throws<CorruptRecordException>(() => Train(Spec()));
        Assert.Contains(Path.GetFileName(FileOf(20)), error.Message);
        Assert.Contains(error.Message, Log);
        Assert.Empty(File.ReadAllText(Path.Combine(_run, "metrics.jsonl")));

        Assert.Equal(TrainingOutcome.Finished, Train(Spec(d => d with { SkipCorrupt = true })));
        Assert.Contains("data.skipCorrupt from false to true", Log);
        Assert.Contains("1 of 36 records cannot be read", Log);
    }

    [Fact]
    public void Run_DataLostOnTheWay_KeepsACheckpointAndItsReasonAndEndsAsIfNothingHadHappened()
    {
        var straight = Directory.CreateTempSubdirectory("smtweb-straight-").FullName;
        try
        {
            Assert.Equal(TrainingOutcome.Finished, Train(Spec(), into: straight));
            var away = _data + "-away";
            var error = Assert.Throws<DataStoppedException>(() => Train(Spec(), at: (2, () => Directory.Move(_data, away))));
            Directory.Move(away, _data);
            Assert.InRange(error.Iteration, 2, 8);
            Assert.Contains($"at iteration {error.Iteration}", Log);
            Assert.True(File.Exists(Path.Combine(_run, "checkpoints", $"{error.Iteration:D8}.safetensors")));

            Assert.Equal(TrainingOutcome.Finished, Train(Spec()));
            var (expected, actual) = (Newest(straight), Newest(_run));
            foreach (var (name, tensor) in expected)
            {
                Assert.True(tensor.Bytes.AsSpan().SequenceEqual(actual[name].Bytes), $"{name} differs.");
            }
        }
        finally
        {
            Directory.Delete(straight, recursive: true);
        }
    }

    [Fact]
    public void Resume_SettingsThatLearningDoesNotDependOn_MayChangeAndAreSaid()
    {
        var spec = Spec();
        Assert.Equal(TrainingOutcome.Paused, Train(spec, pauseAt: 3));
        var changed = spec with
        {
            Evaluation = spec.Evaluation with { CheckpointEvery = 2, Samples = 16 },
            Optimisation = spec.Optimisation with { Iterations = spec.Optimisation.Iterations + 2 },
            Hardware = spec.Hardware with { Threads = 1 },
        };
        Assert.Equal(TrainingOutcome.Finished, Train(changed));
        foreach (
            var said in new[]
            {
                "evaluation.checkpointEvery from 4 to 2",
                "evaluation.samples from 32 to 16",
                "optimisation.iterations from 8 to 10",
                "hardware.threads",
            }
        )
        {
            Assert.Contains(said, Log);
        }
    }

    [Fact]
    public void Resume_SettingsOfLearning_AreRefusedByName()
    {
        var spec = Spec();
        Assert.Equal(TrainingOutcome.Paused, Train(spec, pauseAt: 3));
        var error = Assert.Throws<IOException>(() =>
            Train(spec with { Seed = 5, Optimisation = spec.Optimisation with { BatchSize = 4 } })
        );
        Assert.Contains("optimisation.batchSize from 8 to 4", error.Message);
        Assert.Contains("seed from ", error.Message);
        var cosine = spec with { Optimisation = spec.Optimisation with { GeneratorSchedule = RateSchedule.Cosine } };
        var longer = cosine with { Optimisation = cosine.Optimisation with { Iterations = 20 } };
        Assert.False(ChangedSetting.Between(cosine, longer).Single().MayChange); // its rate ends with the run
        Assert.False(
            ChangedSetting.Between(spec, spec with { Method = new DiffusionSpec() }).First(c => c.Path == "$.method.kind").MayChange
        );
        Assert.Empty(ChangedSetting.Between(spec, spec with { }));
        var unnamed = Spec(d => d with { ClassNames = [] });
        Assert.True(ChangedSetting.Between(unnamed, spec).Single().MayChange);
        Assert.False(ChangedSetting.Between(spec, unnamed).Single().MayChange);
    }

    [Fact]
    public void Run_AskedToPauseWhileTheDataAreRead_LeavesWithoutHavingBegun()
    {
        using var journal = new FolderJournal(_run, Spec(), TextWriter.Null, terminal: false);
        journal.Pause();
        Assert.Equal(TrainingOutcome.Paused, TrainingSession.Run(Spec(), journal, null, threads: 1).Outcome);
        Assert.False(Directory.Exists(Path.Combine(_run, "samples")));
    }

    [Fact]
    public void Evaluate_OtherClassesThanItWasTrainedOn_MatchesThemByNameAndSaysSo()
    {
        Train(Spec());
        Directory.Move(Path.Combine(_data, "1"), Path.Combine(_data, "zebra"));
        var ct = TestContext.Current.CancellationToken;
        using var file = File.OpenRead(Directory.GetFiles(Path.Combine(_run, "checkpoints"), "*.safetensors").Max()!);
        using var generator = OneStepGenerator.Load(file);
        using var images = EvaluationImages.Open(_data);
        using var network = new Brightness();
        var evaluator = new ModelEvaluator(generator, images, network, DatasetStatistics.Of(images, network, null, null, ct))
        {
            PerClass = true,
            OfItsOwnData = true,
        };
        var report = evaluator.Evaluate(new EvaluationProtocol("by-hand", "", 60, 1, LabelDistribution.Balanced), ct);

        Assert.Equal([(1, "10"), (2, "2"), (3, "apple")], report.PerClass!.Select(c => (c.Label, c.Name)));
        Assert.All(report.PerClass!, c => Assert.Equal((20, 9), (c.Generated, c.Real))); // none of class 1, which the data lack
        Assert.Contains(report.Warnings, w => w.Contains("the data have no 0 (1); the model has no 3 (zebra)"));
        Assert.Contains(
            report.Warnings,
            w => w.Contains("The data have changed since the model was trained on them") && w.Contains(images.Receipt.Sha256)
        );

        // the distance of the class called 10 is that to the images of the folder called 10, by hand
        using var scope = torch.NewDisposeScope();
        float[] Features(byte[] pixels, int count) => network.Measure(Tensors.Of(pixels, [count, 3, 16, 16]), wantLogits: false).Features;
        var real = Enumerable
            .Range(0, images.Count)
            .Where(i => images.Read(i, new byte[768]) == 0)
            .SelectMany(i =>
            {
                var pixels = new byte[768];
                images.Read(i, pixels);
                return Features(pixels, 1);
            })
            .ToArray();
        ulong[] seeds = [.. Enumerable.Range(0, 60).Where(i => i % 3 == 0).Select(i => (ulong)i)];
        var drawn = generator.Generate(seeds, [.. seeds.Select(_ => 1)]);
        var generated = network
            .Measure(Tensors.Of(drawn.Pixels, [drawn.Count, 16, 16, 3]).permute(0, 3, 1, 2).contiguous(), wantLogits: false)
            .Features;
        var expected = HandmadeFid.Of(new(generated, 2), new(real, 2));
        Assert.Equal(expected, report.PerClass![0].Fid, (expected * 1e-4) + 1e-9);
    }

    private static Stream Rewound(Stream stream)
    {
        stream.Position = 0;
        return stream;
    }

    private static string FolderOf(int k) => ((string[])["1", "10", "2", "apple"])[k / 9];

    private string FileOf(int k) => Path.Combine(_data, FolderOf(k), $"{k:D3}.png");

    private void Write(int k, string folder)
    {
        Directory.CreateDirectory(Path.Combine(_data, folder));
        File.WriteAllBytes(Path.Combine(_data, folder, $"{k:D3}.png"), DataFixture.Picture(16, 3, k / 9, k).ToPng());
    }

    private string Hash() =>
        DatasetCheck.Run(new FolderSpec(), _data, skip: true, _ => { }, TestContext.Current.CancellationToken).Report.Sha256;

    private TrainingSpec Spec(Func<FolderSpec, FolderSpec>? with = null)
    {
        var preset = Presets.Find("fashion-mnist-quick")!.Spec.ForQuickTest();
        var folder = new FolderSpec
        {
            Source = Path.GetFileName(_data),
            Side = 16,
            Channels = 3,
            Classes = 4,
            ClassNames = ["1", "10", "2", "apple"],
        };
        return preset with
        {
            Data = with is null ? folder : with(folder),
            Optimisation = preset.Optimisation with { BatchSize = 8 },
            Hardware = preset.Hardware with { Precision = Precision.Float32 },
        };
    }

    private static IReadOnlyDictionary<string, (SmtWeb.Data.Weights.SafetensorsEntry Entry, byte[] Bytes)> Newest(string folder) =>
        SmtWeb
            .Data.Weights.SafetensorsReader.ReadFile(Directory.GetFiles(Path.Combine(folder, "checkpoints"), "*.safetensors").Max()!)
            .Tensors;

    // as the command does it
    private TrainingOutcome Train(
        TrainingSpec spec,
        long pauseAt = long.MaxValue,
        bool accept = false,
        string? into = null,
        (long Iteration, Action Do)? at = null
    )
    {
        using var journal = new FolderJournal(into ?? _run, spec, TextWriter.Null, terminal: false) { AcceptsChangedData = accept };
        using var checkpoint = journal.CheckpointPath is { } path ? File.OpenRead(path) : null;
        try
        {
            return TrainingSession.Run(spec, new WatchedJournal(journal, pauseAt, at), checkpoint, threads: 1).Outcome;
        }
        catch (Exception e)
        {
            journal.Fail(e.Message);
            throw;
        }
    }

    /// <summary>Pauses a run once an iteration has shown a metric, or does something to the world then.</summary>
    private sealed class WatchedJournal(FolderJournal inner, long pauseAt, (long Iteration, Action Do)? at) : ITrainingJournal
    {
        private bool _done;

        public bool AcceptsChangedData => inner.AcceptsChangedData;

        public TrainingSignal Signal => inner.Signal;

        public void Metrics(IReadOnlyList<MetricPoint> points)
        {
            inner.Metrics(points);
            var last = points.Max(p => p.Iteration);
            if (last >= pauseAt)
            {
                inner.Pause();
            }
            if (_done || at is not { } wanted || last < wanted.Iteration)
            {
                return;
            }
            _done = true;
            wanted.Do();
        }

        public void Picture(PictureRecord picture) => inner.Picture(picture);

        public void Evaluation(EvaluationRecord evaluation) => inner.Evaluation(evaluation);

        public void Checkpoint(CheckpointRecord checkpoint, Action<Stream> write) => inner.Checkpoint(checkpoint, write);

        public Stream OpenTeacher(string teacher) => inner.OpenTeacher(teacher);

        public void Log(LogLevel level, string message) => inner.Log(level, message);
    }
}
