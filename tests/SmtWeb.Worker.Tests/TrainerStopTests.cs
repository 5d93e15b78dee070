using SmtWeb.Runs;
using SmtWeb.Runs.Tests;

namespace SmtWeb.Worker.Tests;

/// <summary>A worker that stands still together with its trainer: another takes the run over, and of two that train one is heard.</summary>
[Trait("Needs", "Postgres")]
public sealed class TrainerStopTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Stop_OfAWorkerAndItsTrainer_IsTakenOverAndNeverHeardTwice()
    {
        await using var database = await postgres.DatabaseAsync();
        await Faults.UpForALeaseAsync(database);
        const int iterations = 2000;
        long run = await WorkerHarness.QueueAsync(database, iterations);
        using var first = await Faults.WorkAsync(database, 1);
        int attempt = await Faults.PastAsync(database, run, 60);
        using var second = await Faults.WorkAsync(database, 1);
        await Faults.WorkersAsync(database, 2);
        int trainer = Faults.Trainer(first.Id);
        Signals.Stop(first.Id);
        Signals.Stop(trainer);
        await WorkerHarness.UntilAsync(
            database,
            run,
            d => d.Attempt == attempt + 1 && d.Summary.State is RunState.Running,
            "the other worker to take it over"
        );
        Signals.Continue(trainer); // both train now; one of them is heard
        Signals.Continue(first.Id);
        var detail = await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        Assert.Equal(attempt + 1, detail.Attempts.Count);
        await WorkerHarness.AssertOneCurveAsync(database, run, iterations);
    }
}
