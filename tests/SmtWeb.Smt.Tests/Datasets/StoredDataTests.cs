using SmtWeb.Data.Batches;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Tests.Training;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Datasets;

/// <summary>Training from files: shapes, order, resuming, corrupt records, and a short run of every kind.</summary>
public sealed class StoredDataTests : TensorTest
{
    public static TheoryData<string> Kinds => [.. DataFixture.All.Select(s => s.GetType().Name)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Run_EveryKind_TrainsAFewSteps(string kind)
    {
        var preset = Presets.Find("fashion-mnist-quick")!.Spec.ForQuickTest();
        var quick = preset with
        {
            Data = DataFixture.Make(kind),
            Optimisation = preset.Optimisation with { BatchSize = 5, Iterations = 2, RampIterations = 0 },
            Method = ((SmtSpec)preset.Method) with { WarmupIterations = 2, ScoreUpdatesPerGeneratorUpdate = 1 },
            Evaluation = preset.Evaluation with { EveryIterations = 4, Samples = 16, FinalSamples = 16, GridColumns = 2 },
        };
        var spec = quick with { Data = ImageSources.Complete(quick.Data) };
        var shape = DataShape.Of(spec.Data);
        Assert.True(shape.Side >= 16 && shape.Classes == shape.ClassNames.Count && shape.Classes > 1);

        var journal = new MemoryJournal();
        var result = TrainingSession.Run(spec, journal, null, threads: 1);
        Assert.Equal(TrainingOutcome.Finished, result.Outcome);
        var record = Assert.Single(journal.Evaluations, e => e.Final);
        Assert.Equal("swd", record.Metric);
        Assert.InRange(record.Value, 1e-4, 10);
        Assert.All(journal.Pictures.Where(p => p.Kind == PictureKind.Samples), p => Assert.InRange(p.Rows, 2, 20));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Next_Resumed_GoesOnBitForBitWhateverWasReadAhead(string kind)
    {
        var spec = DataFixture.Make(kind) is ShapedDataSpec shaped ? Completed(shaped) : DataFixture.Make(kind);
        using var first = TrainingData.Open(spec, seed: 5, torch.CPU);
        using var _ = torch.NewDisposeScope();
        for (var k = 0; k < 5; k++)
        {
            first.Next(7);
        }
        var state = first.GetState();
        var expected = Enumerable.Range(0, 6).Select(k => Values(first.Next(7))).ToList();

        using var second = TrainingData.Open(spec, seed: 99, torch.CPU);
        second.Next(7);
        second.SetState(state);
        Assert.Equal(expected, Enumerable.Range(0, 6).Select(k => Values(second.Next(7))));
        // another batch size begins where the last batch ended
        second.SetState(state);
        Assert.Equal(expected[0].Take(7), Values(second.Next(3)).Take(3).Concat(Values(second.Next(4)).Take(4)));
    }

    [Fact]
    public void Prefetcher_ManyThreads_GiveTheOrderOfOne()
    {
        using var source = ImageSources.Open(DataFixture.Make(nameof(ImageNet64Spec)));
        var one = Batches(source, workers: 1);
        Assert.Equal(one, Batches(source, workers: 4));
        Assert.Equal(DataFixture.Records, one.Take(DataFixture.Records).Select(b => b.Pixel).Distinct().Count());
    }

    [Fact]
    public void Prefetcher_TrainerStops_ReadsNoFurtherThanItsBuffers()
    {
        using var source = new CountingSource();
        using (
            var prefetcher = new BatchPrefetcher(
                source,
                new EpochSampler(source.Count, 1),
                batch: 4,
                mirror: false,
                skipCorrupt: false,
                workers: 2,
                ahead: 3
            )
        )
        {
            prefetcher.Return(prefetcher.Take());
            SpinWait.SpinUntil(() => source.Reads == 6 * 4, TimeSpan.FromSeconds(60));
            Thread.Yield();
        }

        // one batch taken and given back, five buffers filled
        Assert.Equal(6 * 4, source.Reads);
    }

    [Fact]
    public void Next_CorruptRecord_StopsOrSkipsAsAsked()
    {
        var folder = Path.Combine(DatasetRoot.Folder, "damaged");
        Directory.CreateDirectory(folder);
        for (var i = 0; i < 6; i++)
        {
            File.WriteAllBytes(Path.Combine(folder, $"{i}.png"), i == 3 ? [1, 2, 3] : DataFixture.Picture(8, 1, i, i).ToPng());
        }
        var spec = new FolderSpec
        {
            Source = "damaged",
            Side = 8,
            Channels = 1,
        };
        using var scope = torch.NewDisposeScope();
        using (var strict = TrainingData.Open(spec, 1, torch.CPU))
        {
            Assert.Contains("record 3 (3.png)", Assert.Throws<CorruptRecordException>(() => strict.Next(6)).Message);
        }

        using var lenient = TrainingData.Open(spec with { SkipCorrupt = true }, 1, torch.CPU);
        var notes = new List<string>();
        lenient.Note = notes.Add;
        lenient.Next(6);
        lenient.Next(6);
        Assert.Contains("3.png", Assert.Single(notes));
    }

    [Fact]
    public void Next_FewerImagesThanTheBatch_IsSaidOnce()
    {
        using var scope = torch.NewDisposeScope();
        using var data = TrainingData.Open(DataFixture.Make(nameof(Cifar10Spec)), 1, torch.CPU);
        var notes = new List<string>();
        data.Note = notes.Add;
        data.Next(DataFixture.Records);
        Assert.Empty(notes);
        data.Next(DataFixture.Records + 1);
        data.Next(DataFixture.Records + 1);
        Assert.Contains($"have {DataFixture.Records} images and a batch has {DataFixture.Records + 1}", Assert.Single(notes));
    }

    [Theory]
    [InlineData("../secret")]
    [InlineData("/etc")]
    [InlineData(".")]
    public void Open_OutsideTheFolder_IsRefused(string source)
    {
        var error = Assert.Throws<SpecException>(() => ImageSources.Open(new FolderSpec { Source = source }));
        Assert.Equal("$.data.source", Assert.Single(error.Errors).Path);
    }

    [Fact]
    public void Open_OtherShape_NamesTheSettingAndTheData()
    {
        var spec = (ZipSpec)DataFixture.Make(nameof(ZipSpec));
        var error = Assert.Throws<SpecException>(() => TrainingData.Open(spec with { Side = 32, Channels = 1, Classes = 2 }, 1, torch.CPU));
        Assert.Equal(["$.data.side", "$.data.channels", "$.data.classes"], error.Errors.Select(e => e.Path));
        Assert.Contains("16x16", error.Errors[0].Message);
    }

    [Fact]
    public void Spec_OfEveryKind_SurvivesJson()
    {
        foreach (var data in DataFixture.All)
        {
            var spec = Presets.Find("fashion-mnist-quick")!.Spec with
            {
                Data = data is ShapedDataSpec s ? s with { Side = 32, Channels = 3, ClassNames = ["a", "b"] } : data,
            };
            var (read, errors) = SpecJson.Parse(SpecJson.Write(spec));
            Assert.Empty(errors);
            Assert.Equal(SpecJson.Hash(spec), SpecJson.Hash(read!));
            Assert.Contains(SpecCatalog.Sections(spec).Single(x => x.Name == "data").Settings, x => x.Path == "$.data.source");
            Assert.IsType<SwissRollSpec>(SpecCatalog.Set(spec, "$.data.kind", "swissRoll").Data);
        }

        var empty = Presets.Find("fashion-mnist-quick")!.Spec with { Data = new ZipSpec() };
        Assert.Equal("$.data.source", Assert.Single(SpecValidation.Validate(empty)).Path);
    }

    private static ShapedDataSpec Completed(ShapedDataSpec spec) => (ShapedDataSpec)ImageSources.Complete(spec);

    private static List<(float Pixel, long Label)> Values((Tensor Samples, Tensor? Labels) batch)
    {
        var pixels = batch.Samples.ToArray<float>();
        var each = pixels.Length / (int)batch.Samples.shape[0];
        var labels = batch.Labels?.argmax(1).ToArray<long>();
        return
        [
            .. Enumerable
                .Range(0, (int)batch.Samples.shape[0])
                .Select(i => (pixels.Skip(i * each).Take(each).Select((v, k) => v * ((k % 13) + 1)).Sum(), labels?[i] ?? -1)),
        ];
    }

    private static List<(int Pixel, int Label)> Batches(ImageSource source, int workers)
    {
        using var prefetcher = new BatchPrefetcher(
            source,
            new EpochSampler(source.Count, 3),
            batch: 5,
            mirror: false,
            skipCorrupt: false,
            workers,
            ahead: 2
        );
        var seen = new List<(int, int)>();
        for (var k = 0; k < 12; k++)
        {
            var batch = prefetcher.Take();
            for (var i = 0; i < 5; i++)
            {
                seen.Add((batch.Pixels[i * source.ImageBytes], batch.Labels[i]));
            }
            prefetcher.Return(batch);
        }

        return seen;
    }

    private sealed class CountingSource : ImageSource
    {
        private int _reads;

        public int Reads => Volatile.Read(ref _reads);

        public override string Path => "counting";

        public override int Count => 100;

        public override int Channels => 1;

        public override int Side => 2;

        public override int Classes => 0;

        public override int Read(int index, Span<byte> pixels)
        {
            Interlocked.Increment(ref _reads);
            return -1;
        }

        public override void Dispose() { }
    }
}
