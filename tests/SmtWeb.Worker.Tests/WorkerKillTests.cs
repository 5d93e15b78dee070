using System.Diagnostics;
using SmtWeb.Runs;
using SmtWeb.Runs.Tests;

namespace SmtWeb.Worker.Tests;

/// <summary>kill -9 of a worker and of its trainer, while another worker is alive.</summary>
[Trait("Needs", "Postgres")]
public sealed class WorkerKillTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Kill_OfAWorkerWithItsTrainer_GoesOnElsewhereWithinTheLeaseAndFiveSeconds()
    {
        await using var database = await postgres.DatabaseAsync();
        await Faults.UpForALeaseAsync(database);
        long run = await WorkerHarness.QueueAsync(database, iterations: 1500);
        using var first = await Faults.WorkAsync(database, 1);
        int attempt = await Faults.PastAsync(database, run, 60);
        using var second = await Faults.WorkAsync(database, 1);
        await Faults.WorkersAsync(database, 2);
        // the worker first: it would see its trainer's end and say so
        int trainer = Faults.Trainer(first.Id);
        first.Kill();
        Process.GetProcessById(trainer).Kill();
        long killed = Stopwatch.GetTimestamp();

        var detail = await WorkerHarness.UntilAsync(database, run, d => d.Attempt == attempt + 1, "the next attempt");
        var waited = Stopwatch.GetElapsedTime(killed);
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"kill to the next attempt: {waited.TotalSeconds:0.0} s with a lease of {Faults.LeaseSeconds} s"
        );
        Assert.True(waited < TimeSpan.FromSeconds(Faults.LeaseSeconds + 5), $"{waited}");
        Assert.True(detail.Attempts[^1].FirstIteration >= 40, $"from {detail.Attempts[^1].FirstIteration}");
        await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        await WorkerHarness.AssertOneCurveAsync(database, run, 1500);
    }
}
