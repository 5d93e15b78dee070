using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using SmtWeb.Runs;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Tests;

namespace SmtWeb.Worker.Tests;

/// <summary>Real trainer processes, real PostgreSQL, real kills.</summary>
[Trait("Needs", "Postgres")]
public sealed class SupervisionTests(PostgresFixture postgres)
{
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
        Signals.Stop(stalled);
        await WorkerHarness.ExpireAsync(database, run, attempt: 1);
        await WorkerHarness.UntilAsync(database, run, d => d.Attempt == 2 && d.Summary.State is RunState.Running, "a second attempt");
        // Now both attempts run at once; the first has points in its queue.
        Signals.Continue(stalled);
        await WorkerHarness.UntilAsync(database, run, RunState.Finished);

        await WorkerHarness.AssertOneCurveAsync(database, run, 600);
        Assert.True(
            SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{stalled}"), WorkerHarness.Patience),
            "the stalled trainer still lives"
        );
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
}
