using SmtWeb.Runs;
using SmtWeb.Runs.Tests;

namespace SmtWeb.Worker.Tests;

/// <summary>
/// A worker that stands still for a minute (SIGSTOP) while another is alive: its trainer goes on, and nobody takes the run.
/// </summary>
[Trait("Needs", "Postgres")]
public sealed class WorkerStopTests(PostgresFixture postgres)
{
    private static readonly TimeSpan Stopped = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Stop_OfAWorkerForAMinute_LosesNothing()
    {
        await using var database = await postgres.DatabaseAsync();
        await Faults.UpForALeaseAsync(database);
        const int iterations = 7500;
        long run = await WorkerHarness.QueueAsync(database, iterations);
        using var first = await Faults.WorkAsync(database, 1);
        int attempt = await Faults.PastAsync(database, run, 60);
        using var second = await Faults.WorkAsync(database, 1);
        await Faults.WorkersAsync(database, 2);
        Signals.Stop(first.Id);
        await Task.Delay(Stopped);
        Assert.Equal(RunState.Running, (await database.Store.FindAsync(run))!.Summary.State); // there was something to lose all the while

        Signals.Continue(first.Id);
        var detail = await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        Assert.Equal(attempt, detail.Attempts.Count);
        await WorkerHarness.AssertOneCurveAsync(database, run, iterations);
    }
}
