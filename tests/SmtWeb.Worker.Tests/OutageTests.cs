using SmtWeb.Runs;
using SmtWeb.Runs.Tests;

namespace SmtWeb.Worker.Tests;

/// <summary>PostgreSQL away for longer than Hangfire waits for it.</summary>
[Trait("Needs", "Postgres")]
public sealed class OutageTests(PostgresFixture postgres)
{
    [Fact]
    public Task Outage_LongerThanTheServerTimeout_IsTrainedThrough() => TrainThroughAsync(_ => Task.CompletedTask);

    [Fact(Skip = "Open fault: seen once on 2026-11-29, the worker did not take a run queued after the outage within 300 s.")]
    public Task Outage_LongerThanTheServerTimeout_TheWorkerTakesTheNextRun() =>
        TrainThroughAsync(async database =>
            await WorkerHarness.UntilAsync(database, await WorkerHarness.QueueAsync(database, iterations: 20), RunState.Finished)
        );

    private async Task TrainThroughAsync(Func<TestDatabase, Task> after)
    {
        Assert.SkipWhen(postgres.Missing is not null, postgres.Missing ?? "");
        await using var server = await OutagePostgres.StartAsync();
        await using var database = new TestDatabase(server.ConnectionString);
        await database.Database.MigrateAsync();
        var serverTimeout = TimeSpan.FromSeconds(6);
        await using var worker = await WorkerHarness.StartAsync(
            database,
            WorkerHarness.Options(database) with
            {
                Lease = TimeSpan.FromSeconds(Faults.LeaseSeconds),
                ServerTimeout = serverTimeout,
            }
        );
        long run = await WorkerHarness.QueueAsync(database, iterations: 2500);
        int trainer = await worker.TrainerPastAsync(run, 60);
        await server.LeaveAsync();
        await Task.Delay(serverTimeout * 2);
        Assert.Equal([trainer], worker.TrainerIds); // Hangfire has replaced its server; the trainer is none of its business
        await server.ReturnAsync();

        var detail = await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        Assert.Single(detail.Attempts);
        await WorkerHarness.AssertOneCurveAsync(database, run, 2500);
        await after(database);
    }
}
