using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using SmtWeb.Runs;
using SmtWeb.Runs.Model;
using SmtWeb.Runs.Queue;
using SmtWeb.Runs.Tests;
using SmtWeb.Smt.Specs;
using SmtWeb.TestTrainer;
using SmtWeb.Worker.Evaluation;

namespace SmtWeb.Worker.Tests;

/// <summary>Evaluations as jobs: a real checkpoint, measured by a real process beside the trainer.</summary>
[Trait("Needs", "Postgres")]
public sealed class BesideTrainingTests(PostgresFixture postgres)
{
    [Fact]
    public async Task SwissRoll_MeasuredBeside_HasAPointForEachCheckpointAtItsIteration()
    {
        await using var database = await postgres.DatabaseAsync();
        var queue = new EvaluationQueue(database.Database);
        await using var worker = await WorkerHarness.StartAsync(database);
        var options = new WorkerOptions { ConnectionString = database.ConnectionString, TrainerProgram = [WorkerHarness.Program], Threads = 1 };
        using var evaluations = new EvaluationWorker(database.Database, queue, options, NullLogger<EvaluationWorker>.Instance);
        await evaluations.StartAsync(CancellationToken.None);

        var spec = Presets.Find("swiss-roll")!.Spec.ForQuickTest();
        spec = spec with
        {
            Seed = (long)Trouble.Real,
            Optimisation = spec.Optimisation with { Iterations = 60 },
            Evaluation = spec.Evaluation with { EveryIterations = 30, CheckpointEvery = 40, MetricsEvery = 10, CheckpointsKept = 1, Measure = EvaluationMeasure.Quick },
        };
        long run = await database.Store.CreateAsync(new("beside", spec, null, 0, "tester"));
        await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        IReadOnlyList<EvaluationJob> jobs;
        for (long begin = Stopwatch.GetTimestamp(); ; await Task.Delay(100, TestContext.Current.CancellationToken))
        {
            jobs = await queue.OfRunAsync(run);
            if (jobs.Count > 0 && jobs.All(j => j.State is not (EvaluationJobState.Queued or EvaluationJobState.Running))) break;
            Assert.True(Stopwatch.GetElapsedTime(begin) < TimeSpan.FromSeconds(90), string.Join("\n", jobs));
        }

        await evaluations.StopAsync(CancellationToken.None);
        Assert.All(jobs, j => Assert.True(j.State == EvaluationJobState.Done, $"{j.State}: {j.Problem}"));
        var records = (await database.Store.EvaluationsAsync(run)).Select(e => e.Record).ToList();
        Assert.Equal(jobs.Select(j => j.Iteration).Order(), records.Select(r => r.Iteration).Order());
        Assert.All(records, r => Assert.Equal(("sw2", "quick", 5000, 1), (r.Metric, r.Protocol, r.Samples, r.Repeats)));
        Assert.Equal(records.Min(r => r.Value), (await database.Store.FindAsync(run))!.Summary.BestDistance);
        Assert.Contains(await database.Store.PicturesAsync(run), p => p.Kind is Smt.Training.PictureKind.Scatter);
    }
}
