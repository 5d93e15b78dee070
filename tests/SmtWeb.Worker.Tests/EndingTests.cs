using System.Diagnostics;
using Npgsql;
using SmtWeb.Runs;
using SmtWeb.Runs.Tests;
using SmtWeb.TestTrainer;

namespace SmtWeb.Worker.Tests;

/// <summary>How attempts end that nobody kills: by a wish of a person or of the worker, by a crash, for want of memory or room.</summary>
[Trait("Needs", "Postgres")]
public sealed class EndingTests(PostgresFixture postgres)
{
    [Fact]
    public async Task PauseAsync_ThenResumeAsync_GoesOnAsOneCurve()
    {
        await using var database = await postgres.DatabaseAsync();
        // The heartbeat alone would bring the wish after 20 minutes: only the notification is within the patience of this test.
        await using var worker = await WorkerHarness.StartAsync(
            database,
            WorkerHarness.Options(database) with
            {
                Lease = TimeSpan.FromHours(1),
            }
        );
        long run = await WorkerHarness.QueueAsync(database, iterations: 300);
        await worker.TrainerPastAsync(run, 30);
        long asked = Stopwatch.GetTimestamp();
        await database.Store.PauseAsync(run, "ada");
        var paused = await WorkerHarness.UntilAsync(database, run, RunState.Paused);
        TestContext.Current.TestOutputHelper!.WriteLine($"pause to paused: {Stopwatch.GetElapsedTime(asked).TotalMilliseconds:0} ms");
        Assert.True(paused.Summary.Iteration < 300);

        await database.Store.ResumeAsync(run, "ada");
        var detail = await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        Assert.Equal(paused.Summary.Iteration, detail.Attempts[1].FirstIteration);
        await WorkerHarness.AssertOneCurveAsync(database, run, 300);
        Assert.Equal(300, (await database.Store.MetricsAsync(run, superseded: true)).Points.Count);
    }

    [Fact]
    public async Task StopAsync_EndsTheRunWithACheckpoint()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var worker = await WorkerHarness.StartAsync(database);
        long run = await WorkerHarness.QueueAsync(database, iterations: 3000, checkpointEvery: 10_000);
        await worker.TrainerPastAsync(run, 30);
        await database.Store.CancelAsync(run, "ada");
        await WorkerHarness.UntilAsync(database, run, RunState.Cancelled);
        Assert.Equal("stop", Assert.Single(await database.Store.CheckpointsAsync(run)).Reason);
    }

    [Fact]
    public async Task Shutdown_OfTheWorker_WritesACheckpointAndQueuesTheRun()
    {
        await using var database = await postgres.DatabaseAsync();
        long run = await WorkerHarness.QueueAsync(database, iterations: 600, checkpointEvery: 10_000);
        long reached;
        await using (var worker = await WorkerHarness.StartAsync(database))
        {
            int trainer = await worker.TrainerPastAsync(run, 30);
            await worker.StopAsync();
            Assert.False(Directory.Exists($"/proc/{trainer}"), "the trainer still lives");
            var queued = (await database.Store.FindAsync(run))!;
            Assert.Equal(RunState.Queued, queued.Summary.State);
            Assert.Contains("no worker is alive", queued.WaitsBecause);
            reached = Assert.Single(await database.Store.CheckpointsAsync(run)).Iteration;
            Assert.True(reached >= 30);
        }

        await using var next = await WorkerHarness.StartAsync(database);
        var detail = await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        Assert.Equal(reached, detail.Attempts[1].FirstIteration);
        await WorkerHarness.AssertOneCurveAsync(database, run, 600);
    }

    [Fact]
    public async Task Crash_ThreeTimes_FailsTheRunWithItsLastWords()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var worker = await WorkerHarness.StartAsync(database);
        long run = await WorkerHarness.QueueAsync(database, trouble: Trouble.Crash);
        var detail = await WorkerHarness.UntilAsync(database, run, RunState.Failed);

        Assert.Equal(3, detail.Attempts.Count);
        Assert.Contains("given up after 3 attempts", detail.Summary.StateReason);
        Assert.Contains(await database.Store.EventsAsync(run), e => e.Message.Contains("c10::Error"));
    }

    [Fact]
    public async Task OutOfMemory_FailsTheRunWithAdvice()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var worker = await WorkerHarness.StartAsync(database);
        long run = await WorkerHarness.QueueAsync(database, trouble: Trouble.OutOfMemory);
        var detail = await WorkerHarness.UntilAsync(database, run, RunState.Failed);

        Assert.Single(detail.Attempts);
        Assert.Contains("smaller batch", detail.Summary.StateReason);
    }

    [Fact]
    public async Task FullDisk_PausesTheRunAndResumesWhenThereIsRoom()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var disk = await SmallDisk.MountAsync(postgres.Folder, megabytes: 32);
        await disk.TakeAsync(database, "checkpoint_chunks");
        await using var worker = await WorkerHarness.StartAsync(database);
        long run = await WorkerHarness.QueueAsync(database, iterations: 100, Trouble.LargeCheckpoints, checkpointEvery: 20);
        var paused = await WorkerHarness.UntilAsync(database, run, RunState.Paused);
        Assert.Contains("No space left on device", paused.Summary.StateReason);
        var checkpoints = await database.Store.CheckpointsAsync(run);
        Assert.NotEmpty(checkpoints);

        await disk.GrowAsync(megabytes: 300);
        await database.Store.ResumeAsync(run, "ada");
        var detail = await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        Assert.Equal(checkpoints[^1].Iteration, detail.Attempts[1].FirstIteration);
        await WorkerHarness.AssertOneCurveAsync(database, run, 100);
    }

    [Fact]
    public async Task Trainer_ShowsNoPasswordToTheMachine()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var worker = await WorkerHarness.StartAsync(database);
        long run = await WorkerHarness.QueueAsync(database, iterations: 300);
        int trainer = await worker.TrainerPastAsync(run, 10);
        string password = new NpgsqlConnectionStringBuilder(database.ConnectionString).Password!;
        string shown = await File.ReadAllTextAsync($"/proc/{trainer}/cmdline") + await File.ReadAllTextAsync($"/proc/{trainer}/environ");

        Assert.Contains("--attempt", shown);
        Assert.Contains("OMP_WAIT_POLICY=PASSIVE", shown);
        Assert.DoesNotContain(password, shown);
    }
}
