using System.Diagnostics;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Images;
using SmtWeb.Runs;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Queue;
using SmtWeb.Runs.Tests;
using SmtWeb.Smt.Specs;
using SmtWeb.TestTrainer;

namespace SmtWeb.Worker.Tests;

/// <summary>Evaluations as jobs: a real checkpoint, measured by a real process beside the trainer.</summary>
[Trait("Needs", "Postgres")]
[Collection(Computing.Name)]
public sealed class BesideTrainingTests(PostgresFixture postgres)
{
    [Fact]
    public async Task SwissRoll_MeasuredBeside_HasAPointForEachCheckpointAtItsIteration()
    {
        await using var database = await postgres.DatabaseAsync();
        var queue = new EvaluationQueue(database.Database);
        await using var worker = await WorkerHarness.StartAsync(database, WorkerHarness.Options(database) with { Threads = 1 });

        var spec = Presets.Find("swiss-roll")!.Spec.ForQuickTest();
        spec = spec with
        {
            Seed = (long)Trouble.Real,
            Optimisation = spec.Optimisation with { Iterations = 60 },
            Evaluation = spec.Evaluation with
            {
                EveryIterations = 30,
                CheckpointEvery = 40,
                MetricsEvery = 10,
                CheckpointsKept = 1,
                Measure = EvaluationMeasure.Quick,
            },
        };
        long run = await database.Store.CreateAsync(new("beside", spec, null, 0, "tester"));
        await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        var jobs = await EndedAsync(queue, run);
        Assert.All(jobs, j => Assert.True(j.State == EvaluationJobState.Done, $"{j.State}: {j.Problem}"));
        var records = (await database.Store.EvaluationsAsync(run)).Select(e => e.Record).ToList();
        Assert.Equal(jobs.Select(j => j.Iteration).Order(), records.Select(r => r.Iteration).Order());
        Assert.All(records, r => Assert.Equal(("sw2", "quick", 5000, 1), (r.Metric, r.Protocol, r.Samples, r.Repeats)));
        Assert.Equal(records.Min(r => r.Value), (await database.Store.FindAsync(run))!.Summary.BestDistance);
        Assert.Contains(await database.Store.PicturesAsync(run), p => p.Kind is Smt.Session.PictureKind.Scatter);
    }

    [Fact]
    public async Task OwnImages_NoInceptionFile_SayWhereItGoesOnThisNode()
    {
        await using var database = await postgres.DatabaseAsync();
        var queue = new EvaluationQueue(database.Database);
        var source = $"evaluated-{Guid.NewGuid():N}";
        var folder = Directory.CreateDirectory(Path.Combine(DatasetRoot.Folder, source)).FullName;
        for (var k = 0; k < 4; k++)
        {
            await File.WriteAllBytesAsync(
                Path.Combine(folder, $"{k}.png"),
                new Raster(16, 16, 3, [.. Enumerable.Repeat((byte)(k * 50), 768)]).ToPng(),
                TestContext.Current.CancellationToken
            );
        }
        var metrics = Path.Combine(folder, "metrics of this node");
        var options = WorkerHarness.Options(database) with { Threads = 1, MetricsFolder = metrics };
        await using var worker = await WorkerHarness.StartAsync(database, options);

        var spec = Presets.Find("fashion-mnist-quick")!.Spec.ForQuickTest();
        spec = spec with
        {
            Seed = (long)Trouble.Real,
            Data = new FolderSpec
            {
                Source = source,
                Side = 16,
                Channels = 3,
            },
            Optimisation = spec.Optimisation with { BatchSize = 2 },
        };
        long run = await database.Store.CreateAsync(new("own images", spec, null, 0, "tester"));
        await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        // the trainer says it in the log and in every record, the evaluation as the reason of its failure
        var events = await database.Store.EventsAsync(run);
        Assert.Contains(events, e => e.Message.Contains("No FID") && e.Message.Contains(metrics));
        Assert.Contains(
            await database.Store.EvaluationsAsync(run),
            e => e.Record.Metric == "swd" && e.Record.Warnings!.Any(w => w.Contains(metrics))
        );
        var checkpoint = (await database.Store.CheckpointsAsync(run))[^1];
        Assert.Equal(ChangeOutcome.Done, (await queue.EnqueueAsync(run, checkpoint.Id, "quick", "tester")).Outcome);
        var job = Assert.Single(await EndedAsync(queue, run));
        Directory.Delete(folder, recursive: true);
        Assert.Equal(EvaluationJobState.Failed, job.State);
        Assert.Contains(metrics, job.Problem);
        Assert.Contains("pt_inception-2015-12-05-6726825d.pth", job.Problem);
    }

    [Fact]
    public async Task LongEvaluation_Killed_IsTakenUpAgainAndEndsWhenCancelled()
    {
        Assert.SkipUnless(Directory.Exists(FashionMnist.DefaultFolder), "The Debian package dataset-fashion-mnist is not installed.");
        await using var database = await postgres.DatabaseAsync();
        var queue = new EvaluationQueue(database.Database);
        var options = WorkerHarness.Options(database) with { Threads = 1 };
        await using var worker = await WorkerHarness.StartAsync(database, options);
        var spec = Presets.Find("fashion-mnist-quick")!.Spec.ForQuickTest();
        long run = await database.Store.CreateAsync(
            new(
                "measured for long",
                spec with
                {
                    Seed = (long)Trouble.Real,
                    Evaluation = spec.Evaluation with { Measure = EvaluationMeasure.Edm50k, CheckpointEvery = 1000 },
                },
                null,
                0,
                "tester"
            )
        );
        await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        var job = Assert.Single(await queue.OfRunAsync(run));

        await UntilProgressAsync();
        var first = Assert.Single(Children(job.Id));
        System.Diagnostics.Process.GetProcessById(first).Kill();
        await UntilProgressAsync(other: first);
        var second = Assert.Single(Children(job.Id));
        Assert.Equal(ChangeOutcome.Done, (await queue.CancelAsync(job.Id)).Outcome);
        for (
            long begin = Stopwatch.GetTimestamp();
            Children(job.Id).Count > 0;
            await Task.Delay(100, TestContext.Current.CancellationToken)
        )
        {
            Assert.True(Stopwatch.GetElapsedTime(begin) < WorkerHarness.Patience, $"Process {second} still measures what was cancelled.");
        }
        Assert.Equal(EvaluationJobState.Cancelled, Assert.Single(await queue.OfRunAsync(run)).State);
        Assert.Empty(await database.Store.EvaluationsAsync(run));

        // one that hangs and cannot hear of it is ended, too: the next would wait for it for ever
        Assert.Equal(ChangeOutcome.Done, (await queue.EnqueueAsync(run, job.CheckpointId, "edm-50k", "tester")).Outcome);
        int third = 0;
        await WaitAsync(async () =>
            (await queue.OfRunAsync(run))[0] is { State: EvaluationJobState.Running } now
            && Children(now.Id) is [var id]
            && (third = id) > 0
        );
        Signals.Stop(third);
        Assert.Equal(ChangeOutcome.Done, (await queue.CancelAsync((await queue.OfRunAsync(run))[0].Id)).Outcome);
        await WaitAsync(() => Task.FromResult(CommandLine(third).Length <= 1));

        async Task UntilProgressAsync(int? other = null)
        {
            for (long begin = Stopwatch.GetTimestamp(); ; await Task.Delay(100, TestContext.Current.CancellationToken))
            {
                var now = Assert.Single(await queue.OfRunAsync(run));
                if (
                    now is { State: EvaluationJobState.Running, Progress: > 0, ProgressText: { Length: > 0 } }
                    && Children(job.Id) is [var process]
                    && process != other
                )
                {
                    return;
                }
                Assert.True(Stopwatch.GetElapsedTime(begin) < WorkerHarness.Patience, now.ToString());
            }
        }
    }

    private static async Task WaitAsync(Func<Task<bool>> condition)
    {
        for (long begin = Stopwatch.GetTimestamp(); !await condition(); await Task.Delay(100, TestContext.Current.CancellationToken))
        {
            Assert.True(Stopwatch.GetElapsedTime(begin) < WorkerHarness.Patience, "waited in vain");
        }
    }

    // processes that measure a job; the program itself, not what starts it
    private static List<int> Children(long job) =>
        [
            .. Directory
                .EnumerateDirectories("/proc")
                .Select(Path.GetFileName)
                .Where(n => int.TryParse(n, out _))
                .Select(int.Parse!)
                .Where(id =>
                    CommandLine(id) is [var program, "evaluate", "--job", var number, ..]
                    && program == WorkerHarness.Program
                    && number == $"{job}"
                ),
        ];

    private static string[] CommandLine(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline").Split('\0');
        }
        catch (IOException)
        {
            return []; // it has just ended
        }
    }

    private static async Task<IReadOnlyList<EvaluationJob>> EndedAsync(EvaluationQueue queue, long run)
    {
        for (long begin = Stopwatch.GetTimestamp(); ; await Task.Delay(100, TestContext.Current.CancellationToken))
        {
            var jobs = await queue.OfRunAsync(run);
            if (jobs.Count > 0 && jobs.All(j => j.State is not (EvaluationJobState.Queued or EvaluationJobState.Running)))
            {
                return jobs;
            }
            Assert.True(Stopwatch.GetElapsedTime(begin) < WorkerHarness.Patience, string.Join("\n", jobs));
        }
    }
}
