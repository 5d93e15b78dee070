using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using SmtWeb.Runs;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Tests;
using SmtWeb.TestTrainer;

namespace SmtWeb.Worker.Tests;

/// <summary>Real trainer processes, real PostgreSQL, real kills.</summary>
[Trait("Needs", "Postgres")]
public sealed partial class SupervisionTests(PostgresFixture postgres)
{
    private const int StopSignal = 19;
    private const int ContinueSignal = 18;

    [Fact]
    public async Task Run_Undisturbed_FinishesAsOneAttempt()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var worker = await WorkerHarness.StartAsync(database);
        long run = await WorkerHarness.QueueAsync(database);
        var detail = await WorkerHarness.UntilAsync(database, run, RunState.Finished);

        Assert.Equal("all 100 iterations done", detail.Summary.StateReason);
        Assert.Equal(100, detail.Summary.Iteration);
        Assert.Equal("all 100 iterations done", Assert.Single(detail.Attempts).Outcome);
        await WorkerHarness.AssertOneCurveAsync(database, run, 100);
        Assert.Equal([60L, 80, 100], (await database.Store.CheckpointsAsync(run)).Select(c => c.Iteration));
    }

    [Fact]
    public async Task Kill_OfTheTrainer_GoesOnFromItsCheckpointAsOneCurve()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var worker = await WorkerHarness.StartAsync(database);
        long run = await WorkerHarness.QueueAsync(database, iterations: 300);
        Process.GetProcessById(await worker.TrainerPastAsync(run, 50)).Kill();
        var detail = await WorkerHarness.UntilAsync(database, run, RunState.Finished);

        Assert.Equal(2, detail.Attempts.Count);
        Assert.True(detail.Attempts[1].FirstIteration >= 40, $"it went on from {detail.Attempts[1].FirstIteration}");
        Assert.Contains("signal 9", detail.Attempts[0].Outcome);
        await WorkerHarness.AssertOneCurveAsync(database, run, 300);
        Assert.Contains(await database.Store.EventsAsync(run), e => e.State is RunState.Recovering);
    }

    [Fact]
    public async Task Kill_OfPostgres_LetsTheTrainerGoOn()
    {
        string folder = Path.Combine(Path.GetTempPath(), "smtweb-kill-" + Guid.NewGuid().ToString("N")[..8]);
        await using (var server = await EmbeddedPostgres.StartAsync(folder, NullLogger.Instance))
        {
            await using var database = new TestDatabase(server.ConnectionString);
            await database.Database.MigrateAsync();
            await using var worker = await WorkerHarness.StartAsync(database);
            long run = await WorkerHarness.QueueAsync(database, iterations: 400);
            await worker.TrainerPastAsync(run, 50);
            int before = server.ProcessId;
            Process.GetProcessById(before).Kill();
            await WorkerHarness.UntilAsync(database, run, RunState.Finished);

            Assert.NotEqual(before, server.ProcessId);
            await WorkerHarness.AssertOneCurveAsync(database, run, 400);
        }

        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Once; a hunt for races sets the variable to some hundreds.</summary>
    public static TheoryData<int> Times =>
        new(Enumerable.Range(1, int.TryParse(Environment.GetEnvironmentVariable("SMTWEB_TEST_KILLS"), out int times) ? times : 1));

    [Theory]
    [MemberData(nameof(Times))]
    public async Task Kill_OfTheWorker_EndsItsTrainerAndAnotherWorkerGoesOn(int time)
    {
        Assert.True(time > 0);
        await using var database = await postgres.DatabaseAsync();
        long run = await WorkerHarness.QueueAsync(database, iterations: 400);
        using var host = Process.Start(
            new ProcessStartInfo(WorkerHarness.Program, ["work"]) { RedirectStandardInput = true, RedirectStandardOutput = true }
        )!;
        await host.StandardInput.WriteLineAsync(database.ConnectionString);
        await host.StandardInput.FlushAsync();
        await WorkerHarness.UntilAsync(database, run, d => d.Summary.Iteration >= 50, "iteration 50");
        int trainer = Children(host.Id).Single();
        host.Kill();

        var left = await WorkerHarness.UntilAsync(database, run, d => !d.Summary.State.IsHeld(), "the orphan to give the run back");
        Assert.Equal((RunState.Queued, "its worker is gone"), (left.Summary.State, left.Summary.StateReason));
        Assert.True(SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{trainer}"), WorkerHarness.Patience), "the orphan still lives");
        await using var worker = await WorkerHarness.StartAsync(database);
        var detail = await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        Assert.True(detail.Attempts.Count >= 2);
        Assert.True(detail.Attempts[^1].FirstIteration >= 40);
        await WorkerHarness.AssertOneCurveAsync(database, run, 400);
    }

    [Fact]
    public async Task Stall_OfTheTrainer_IsFencedOff()
    {
        await using var database = await postgres.DatabaseAsync();
        // Two slots, so that the next attempt does not wait for the stalled process.
        await using var worker = await WorkerHarness.StartAsync(database, slots: 2);
        long run = await WorkerHarness.QueueAsync(database, iterations: 600);
        int stalled = await worker.TrainerPastAsync(run, 50);
        Assert.Equal(0, Kill(stalled, StopSignal));
        await WorkerHarness.ExpireAsync(database, run, attempt: 1);
        await WorkerHarness.UntilAsync(database, run, d => d.Attempt == 2 && d.Summary.State is RunState.Running, "a second attempt");
        // Now both attempts run at once; the first has points in its queue.
        Assert.Equal(0, Kill(stalled, ContinueSignal));
        await WorkerHarness.UntilAsync(database, run, RunState.Finished);

        await WorkerHarness.AssertOneCurveAsync(database, run, 600);
        Assert.True(
            SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{stalled}"), WorkerHarness.Patience),
            "the stalled trainer still lives"
        );
    }

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

    private static IEnumerable<int> Children(int parent) =>
        File.ReadAllText($"/proc/{parent}/task/{parent}/children")
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(int.Parse)
            .Concat(
                Directory
                    .GetDirectories($"/proc/{parent}/task")
                    .SelectMany(t => File.ReadAllText(Path.Combine(t, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
                    .Select(int.Parse)
            )
            .Distinct();

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
