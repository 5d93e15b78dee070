using SmtWeb.Data.Formats;
using SmtWeb.Runs;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Browser.Tests;

/// <summary>
/// Runs in every state, written as a trainer writes them: claimed from the queue, through a fenced attempt. Their curves
/// are made up; what is tested is the panel, not training.
/// </summary>
internal sealed partial class Seeds
{
    private const int ImagesPerIteration = 64;
    private const double SecondsPerIteration = 0.12;
    private static readonly TimeSpan LongLease = TimeSpan.FromHours(12);

    private static readonly string[] Garments =
    [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ];

    private readonly IRunStore _store;
    private readonly RunsDatabase _database;
    private readonly RunQueue _queue;
    private readonly Guid _worker = Guid.NewGuid();

    private Seeds(IRunStore store, RunsDatabase database, RunQueue queue) => (_store, _database, _queue) = (store, database, queue);

    /// <summary>Running, in its second attempt, with everything a run has.</summary>
    internal long Running { get; private set; }

    /// <summary>The writer of <see cref="Running"/>: what it writes must appear on open pages.</summary>
    internal AttemptWriter Writer { get; private set; } = default!;

    /// <summary>Number of the next batch of <see cref="Writer"/>.</summary>
    internal long NextBatch { get; set; }

    /// <summary>Finished, two-dimensional.</summary>
    internal long Finished { get; private set; }

    /// <summary>Failed.</summary>
    internal long Failed { get; private set; }

    /// <summary>Failed; its losses grew beyond all bounds, and one of them was written once.</summary>
    internal long Exploded { get; private set; }

    /// <summary>20 curves of 50,000 points.</summary>
    internal long Big { get; private set; }

    /// <summary>Finished; of a thousand classes, with a checkpoint that can be drawn from.</summary>
    internal long ImageNet { get; private set; }

    /// <summary>Finished; its distance was measured otherwise than that of <see cref="Running"/>.</summary>
    internal long Unlike { get; private set; }

    /// <summary>Waits in the queue.</summary>
    internal long Queued { get; private set; }

    internal static async Task<Seeds> PlantAsync(IRunStore store, RunsDatabase database, RunQueue queue)
    {
        var seeds = new Seeds(store, database, queue);
        await seeds.FinishedAsync();
        await seeds.FailedAsync();
        await seeds.ExplodedAsync();
        await seeds.BigAsync();
        await seeds.ImageNetAsync();
        await seeds.UnlikeAsync();
        await seeds.RunningAsync();
        seeds.Queued = await seeds.CreateAsync("garments, waiting its turn", "fashion-mnist-quick");
        return seeds;
    }

    private async Task<long> CreateAsync(string name, string preset, int priority = 0) =>
        await _store.CreateAsync(new NewRun(name, Presets.Find(preset)!.Spec, preset, priority, "seed"));

    private async Task<AttemptWriter> ClaimAsync(long run)
    {
        var claimed =
            await _queue.ClaimAsync(_worker, "seed-worker", LongLease) ?? throw new InvalidOperationException("Nothing to claim.");
        Assert.Equal(run, claimed.RunId);
        var writer = new AttemptWriter(_database, claimed.RunId, claimed.Attempt);
        await writer.BeginAsync("Training on 2 threads, bfloat16, channels last");
        return writer;
    }

    private static Task CheckpointAsync(AttemptWriter writer, long iteration, double? distance, string reason)
    {
        var checkpoint = writer.Checkpoint(
            new CheckpointRecord(iteration, iteration * ImagesPerIteration, iteration * SecondsPerIteration, distance, reason),
            TimeSpan.FromSeconds(10)
        );
        checkpoint.Write(new byte[300_000]);
        return checkpoint.CompleteAsync();
    }

    private async Task RunningAsync()
    {
        Running = await CreateAsync("garments in twenty minutes", "fashion-mnist-quick");
        var noise = new Random(1);
        var writer = await ClaimAsync(Running);
        var batch = 1L;
        await TrainAsync(10, 2000);
        await CheckpointAsync(writer, 2000, 260, "a user paused the run");
        // points after the checkpoint: the next attempt replaces them
        await writer.WriteAsync(
            new JournalBatch(batch++, [.. Enumerable.Range(1, 20).SelectMany(i => Points(2000 + 10 * i, noise))], [], [], [])
        );
        await writer.EndAsync(RunState.Paused, "Paused by admin");
        await _store.ResumeAsync(Running, "admin");
        writer = await ClaimAsync(Running);
        batch = 1;
        await TrainAsync(2010, 4000);
        (Writer, NextBatch) = (writer, batch);

        async Task TrainAsync(long from, long to)
        {
            for (var start = from; start <= to; start += 500)
            {
                var end = Math.Min(to, start + 490);
                var points = Enumerable.Range(0, (int)((end - start) / 10) + 1).SelectMany(i => Points(start + 10 * i, noise)).ToList();
                var at = end / 500 * 500;
                var fid = 620 * Math.Exp(-at / 1400.0) + 118;
                await writer.WriteAsync(
                    new JournalBatch(
                        batch++,
                        points,
                        [Grid(at, Math.Min(1, at / 4000.0)), Strip(at)],
                        [Evaluation("fid", fid, at)],
                        [
                            new(LogLevel.Information, $"Iteration {at}: FID {fid:0.0} with 5000 samples"),
                            .. start == 1510
                                ? [new JournalLine(LogLevel.Warning, "Step 1650 skipped: the generator's gradient is not finite")]
                                : Array.Empty<JournalLine>(),
                        ]
                    )
                );
                await CheckpointAsync(writer, at, fid, "every 500 iterations");
            }
        }
    }

    private async Task FinishedAsync()
    {
        Finished = await CreateAsync("swiss roll, first try", "swiss-roll");
        var writer = await ClaimAsync(Finished);
        var noise = new Random(2);
        await writer.WriteAsync(
            new JournalBatch(
                1,
                [.. Enumerable.Range(1, 640).SelectMany(i => Points(50 * i, noise))],
                [Scatter(32_000)],
                [Evaluation("sw2", 0.31, 8000), Evaluation("sw2", 0.082, 32_000, final: true)],
                [new(LogLevel.Information, "Done")]
            )
        );
        await CheckpointAsync(writer, 32_000, 0.082, "the last iteration");
        await writer.EndAsync(RunState.Finished, "All iterations done");
    }

    private async Task ImageNetAsync()
    {
        var spec = Presets.Find("paper/imagenet64-smt")!.Spec.ForQuickTest();
        spec = spec with { Hardware = spec.Hardware with { Precision = Precision.Float32 } };
        ImageNet = await _store.CreateAsync(new NewRun("a thousand classes", spec, null, 0, "seed"));
        var writer = await ClaimAsync(ImageNet);
        string[] rows =
        [
            .. Enumerable
                .Range(0, PictureRecord.MostRows)
                .Select(k => ImageNetClasses.Names[k * ImageNetClasses.Count / PictureRecord.MostRows]),
        ];
        await writer.WriteAsync(
            new JournalBatch(
                1,
                [.. Points(100, new Random(5))],
                [
                    new PictureRecord(
                        PictureKind.Samples,
                        100,
                        6400,
                        rows.Length,
                        8,
                        64,
                        rows,
                        Png.Write(8 * 64, rows.Length * 64, (x, y) => (byte)((x / 64 * 25) + (y / 64 * 7)))
                    ),
                ],
                [],
                []
            )
        );
        var checkpoint = writer.Checkpoint(new CheckpointRecord(100, 6400, 12, null, "finished"), TimeSpan.FromSeconds(10));
        WriteUntrained(checkpoint, spec);
        await checkpoint.CompleteAsync();
        await writer.EndAsync(RunState.Finished, "All iterations done");
    }

    // a network as it is before training: it draws, if only noise
    private static void WriteUntrained(Stream stream, TrainingSpec spec)
    {
        TorchRuntime.Initialize();
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(1, torch.CPU);
        using var network = NetworkFactory.CreateGenerator(spec, random);
        CheckpointFile.Write(
            stream,
            spec,
            new TrainingProgress { Iteration = 100 },
            network.StateEntries().Select(t => (CheckpointFile.AveragePrefix + t.Name, t.Value))
        );
    }

    private async Task UnlikeAsync()
    {
        Unlike = await CreateAsync("garments, measured with 10,000", "fashion-mnist-quick");
        var writer = await ClaimAsync(Unlike);
        var record = Evaluation("fid", 131, 3000) with { Samples = 10_000, Protocol = "full-10k", ReferenceHash = new string('b', 64) };
        await writer.WriteAsync(
            new JournalBatch(1, [.. Enumerable.Range(1, 300).SelectMany(i => Points(10 * i, new Random(6)))], [], [record], [])
        );
        await writer.EndAsync(RunState.Finished, "All iterations done");
    }

    private async Task FailedAsync()
    {
        Failed = await CreateAsync("garments, rate too high", "fashion-mnist-quick");
        var writer = await ClaimAsync(Failed);
        await writer.WriteAsync(
            new JournalBatch(
                1,
                [.. Enumerable.Range(1, 30).SelectMany(i => Points(10 * i, new Random(3)))],
                [],
                [],
                [new(LogLevel.Error, "Three steps in a row were not finite")]
            )
        );
        await writer.EndAsync(RunState.Failed, "Three steps in a row had a non-finite loss or gradient (iterations 301 to 303).");
    }

    private async Task ExplodedAsync()
    {
        Exploded = await CreateAsync("garments, exploding", "fashion-mnist-quick");
        var writer = await ClaimAsync(Exploded);
        MetricPoint Point(string name, int i, double value) => new(name, i, i * ImagesPerIteration, i * SecondsPerIteration, value);
        await writer.WriteAsync(
            new JournalBatch(
                1,
                [
                    Point(MetricNames.GeneratorLoss, 10, 0.5),
                    .. Enumerable.Range(1, 60).Select(i => Point(MetricNames.ScoreLoss, 10 * i, Math.Pow(10, 0.38 * i))),
                ],
                [],
                [],
                []
            )
        );
        await CheckpointAsync(writer, 100, 312, "every 100 iterations");
        await CheckpointAsync(writer, 200, null, "a user paused the run");
        await CheckpointAsync(writer, 300, 97, "every 100 iterations");
        await CheckpointAsync(writer, 400, 4_459_383, "every 100 iterations");
        await writer.EndAsync(RunState.Failed, "Three steps in a row had a non-finite loss or gradient (iterations 601 to 603).");
    }

    private async Task BigAsync()
    {
        const int Points = 50_000,
            Curves = 20,
            Batch = 2500;
        Big = await CreateAsync("twenty curves of fifty thousand points", "fashion-mnist-official");
        var writer = await ClaimAsync(Big);
        var noise = new Random(4);
        for (var start = 0; start < Points; start += Batch)
        {
            var points = new List<MetricPoint>(Batch * Curves);
            for (var i = start + 1; i <= start + Batch; i++)
            {
                for (var curve = 0; curve < Curves; curve++)
                {
                    points.Add(
                        new MetricPoint(
                            $"loss/part-{curve:00}",
                            i,
                            i * ImagesPerIteration,
                            i * SecondsPerIteration,
                            Math.Exp(-i / 20_000.0) * (1 + 0.3 * noise.NextDouble()) + 0.1 * curve
                        )
                    );
                }
            }

            await writer.WriteAsync(new JournalBatch(start / Batch + 1, points, [], [], []));
        }

        await CheckpointAsync(writer, Points, null, "a user ended the run");
        await writer.EndAsync(RunState.Cancelled, "Ended by admin");
    }
}
