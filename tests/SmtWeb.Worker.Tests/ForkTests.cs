using SmtWeb.Runs;
using SmtWeb.Runs.Tests;
using SmtWeb.TestTrainer;

namespace SmtWeb.Worker.Tests;

/// <summary>
/// Under the real worker: a run that stops for what is not finite, its fork, and checkpoints that are not as they were written.
/// </summary>
[Trait("Needs", "Postgres")]
public sealed class ForkTests(PostgresFixture postgres)
{
    [Fact]
    public async Task NotFinite_IsAFailureOfItsOwn_AndItsForkGoesOnFromBefore()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var worker = await WorkerHarness.StartAsync(database);
        long run = await WorkerHarness.QueueAsync(database, iterations: 100, Trouble.NotFinite);
        var failed = await WorkerHarness.UntilAsync(database, run, RunState.Failed);
        Assert.Equal(48, failed.Summary.FirstBadIteration);
        Assert.Equal([20L, 40], (await database.Store.CheckpointsAsync(run)).Select(c => c.Iteration));

        long fork = await database.Store.CreateAsync(
            new("fork", failed.Spec with { Seed = (long)Trouble.None }, null, 0, "tester") { Fork = new(run) }
        );
        var finished = await WorkerHarness.UntilAsync(database, fork, RunState.Finished);
        Assert.Equal(40, Assert.Single(finished.Attempts).FirstIteration);
        Assert.Equal(
            Enumerable.Range(40, 61).Select(i => (long)i),
            (await database.Store.MetricsAsync(fork)).Points.Select(p => p.Iteration)
        );
    }

    [Fact]
    public async Task CutNewestCheckpoint_OfAResumedRun_IsSetAsideAndTheCurveIsWhole()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var worker = await WorkerHarness.StartAsync(database);
        long run = await WorkerHarness.QueueAsync(database, iterations: 200);
        await worker.TrainerPastAsync(run, 65);
        await database.Store.PauseAsync(run, "tester");
        await WorkerHarness.UntilAsync(database, run, RunState.Paused);
        var checkpoints = await database.Store.CheckpointsAsync(run);
        await database.SqlAsync(
            $"UPDATE checkpoint_chunks SET bytes = substring(bytes FOR 300) WHERE checkpoint_id = {checkpoints[^1].Id}"
        );
        await database.Store.ResumeAsync(run, "tester");
        var finished = await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        Assert.Equal(checkpoints[^2].Iteration, finished.Attempts[^1].FirstIteration);
        Assert.Contains(
            await database.Store.EventsAsync(run),
            e => e.Message.Contains("does not match its SHA-256", StringComparison.Ordinal)
        );
        await WorkerHarness.AssertOneCurveAsync(database, run, 200);
    }
}
