using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Runs.Tests;

[Trait("Needs", "Postgres")]
public sealed class QueueTests(PostgresFixture postgres)
{
    [Fact]
    public async Task ClaimAsync_TakesPriorityThenAge()
    {
        await using var database = await postgres.DatabaseAsync();
        long a = await Make.RunAsync(database, "a");
        long b = await Make.RunAsync(database, "b");
        long high = await Make.RunAsync(database, "high", priority: 5);
        long low = await Make.RunAsync(database, "low", priority: -1);
        await database.Store.SetPriorityAsync(b, 7, "tester");

        Assert.Equal(
            [1, 3, 2, 4],
            (await database.Store.ListAsync()).OrderBy(r => Array.IndexOf([b, a, high, low], r.Id)).Select(r => r.QueuePosition!.Value)
        );
        var claimed = new List<long>();
        while (await database.Queue.ClaimAsync(Make.Worker, "test:1", Make.Lease) is { } run)
        {
            claimed.Add(run.RunId);
        }

        Assert.Equal([b, high, a, low], claimed);
    }

    [Fact]
    public async Task ClaimAsync_ByManyWorkersAtOnce_GivesEveryRunToOne()
    {
        await using var database = await postgres.DatabaseAsync();
        const int runs = 30;
        for (int i = 0; i < runs; i++)
        {
            await Make.RunAsync(database, $"run {i}");
        }

        async Task<List<ClaimedRun>> WorkAsync(int worker)
        {
            var mine = new List<ClaimedRun>();
            var id = Guid.NewGuid();
            // SKIP LOCKED may find nothing while others hold the last rows, so a worker looks again.
            for (int empty = 0; empty < 5; )
            {
                if (await database.Queue.ClaimAsync(id, $"worker {worker}", Make.Lease) is { } run)
                {
                    mine.Add(run);
                }
                else
                {
                    empty++;
                }
            }

            return mine;
        }

        var claims = (await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(() => WorkAsync(i))))).SelectMany(c => c).ToList();

        Assert.Equal(runs, claims.Count);
        Assert.Equal(runs, claims.Select(c => c.RunId).Distinct().Count());
        Assert.All(claims, c => Assert.Equal(1, c.Attempt));
    }

    [Fact]
    public async Task RecoverExpiredAsync_AfterTheLease_MakesTheRunRecoverAndTheNextAttemptGoOnFromTheCheckpoint()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        var first = await Make.ClaimAsync(database);
        var writer = Make.Writer(database, first);
        await writer.BeginAsync("training");
        await writer.WriteAsync(Make.Metrics(1, Enumerable.Range(0, 7).Select(i => Make.Point(i))));
        await Make.CheckpointAsync(writer, 4, Make.Bytes(1000));
        Assert.Empty(await database.Queue.RecoverExpiredAsync(Make.Moment));

        await database.SqlAsync("UPDATE runs SET lease_until = now() - interval '1 second'");
        // a server that has just come back has not heard of those who trained through its absence
        Assert.Empty(await database.Queue.RecoverExpiredAsync(TimeSpan.FromDays(1)));
        Assert.Equal([id], await database.Queue.RecoverExpiredAsync(Make.Moment));
        var detail = await database.Store.FindAsync(id);
        Assert.Equal(RunState.Recovering, detail!.Summary.State);
        Assert.Contains("no sign of life", detail.Summary.StateReason);
        Assert.Equal(1, detail.Summary.QueuePosition);

        var second = await ClaimWhenDueAsync(database);
        Assert.Equal((2, 4L), (second.Attempt, second.FirstIteration));
        detail = await database.Store.FindAsync(id);
        Assert.Equal(4, detail!.Summary.Iteration);
        Assert.Equal([(1, 0L), (2, 4L)], detail.Attempts.Select(a => (a.Number, a.FirstIteration)));
    }

    [Fact]
    public async Task ReportLostAsync_ThreeTimesWithoutProgress_FailsTheRun()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        var run = await Make.ClaimAsync(database);
        run = await Make.LoseAndClaimAsync(database, run);
        run = await Make.LoseAndClaimAsync(database, run);
        Assert.True(await database.Queue.ReportLostAsync(id, run.Attempt, "it crashed", "Segmentation fault"));

        var summary = (await database.Store.FindAsync(id))!.Summary;
        Assert.Equal(RunState.Failed, summary.State);
        Assert.Contains("given up after 3 attempts", summary.StateReason);
        Assert.NotNull(summary.Ended);
        Assert.Contains(await database.Store.EventsAsync(id), e => e.Message.Contains("Segmentation fault"));
    }

    [Fact]
    public async Task ReportLostAsync_WithACheckpointBetween_StartsCountingAgain()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        var run = await Make.ClaimAsync(database);
        for (int i = 1; i <= 5; i++)
        {
            await Make.CheckpointAsync(Make.Writer(database, run), i, Make.Bytes(10));
            run = await Make.LoseAndClaimAsync(database, run);
        }

        Assert.Equal(RunState.Starting, (await database.Store.FindAsync(id))!.Summary.State);
        Assert.Equal(5, run.FirstIteration);
    }

    [Fact]
    public async Task ReportLostAsync_OfARunAskedToPause_LeavesItPaused()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        var run = await Make.ClaimAsync(database);
        await database.Store.PauseAsync(id, "tester");
        await database.Queue.ReportLostAsync(id, run.Attempt, "it crashed");

        Assert.Equal(RunState.Paused, (await database.Store.FindAsync(id))!.Summary.State);
        Assert.False(await database.Queue.ReportLostAsync(id, run.Attempt, "again"));
    }

    [Fact]
    public async Task EndAsync_OfATrainerThatLeavesForItsWorker_PutsTheRunBackIntoTheQueue()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        var run = await Make.ClaimAsync(database);
        var writer = Make.Writer(database, run);
        await writer.BeginAsync("training");
        await database.Queue.ShowLeavingAsync(id, run.Attempt, "shutting down");
        Assert.Equal(
            new TrainerOrder(RunRequest.Release, "shutting down"),
            await new AttemptLease(database.Database, id, run.Attempt, Make.Lease).RenewAsync()
        );
        await Make.CheckpointAsync(writer, 3, Make.Bytes(10));
        await writer.EndAsync(RunState.Paused, "shutting down", RunRequest.Release);

        var summary = (await database.Store.FindAsync(id))!.Summary;
        Assert.Equal((RunState.Queued, "shutting down"), (summary.State, summary.StateReason));
        Assert.Equal(3, (await Make.ClaimAsync(database)).FirstIteration);
    }

    [Theory]
    [InlineData(RunRequest.None, RunRequest.Release, RunState.Queued)] // the database has not heard of it yet
    [InlineData(RunRequest.Release, RunRequest.Release, RunState.Queued)]
    [InlineData(RunRequest.Release, RunRequest.None, RunState.Paused)] // it paused of itself while its worker was leaving
    [InlineData(RunRequest.Pause, RunRequest.Release, RunState.Paused)] // a person asked meanwhile
    [InlineData(RunRequest.Stop, RunRequest.Release, RunState.Cancelled)]
    [InlineData(RunRequest.Stop, RunRequest.Pause, RunState.Cancelled)]
    [InlineData(RunRequest.None, RunRequest.None, RunState.Paused)]
    public void AfterLeaving_OfAPausedTrainer_GoesByWhatItLeftFor(RunRequest asked, RunRequest obeyed, RunState becomes) =>
        Assert.Equal(becomes, RunTransitions.AfterLeaving(RunState.Paused, asked, obeyed));

    [Fact]
    public async Task FindAsync_OfAWaitingRun_SaysWhyItWaits()
    {
        await using var database = await postgres.DatabaseAsync();
        await Make.RunAsync(database, "first");
        long second = await Make.RunAsync(database, "second");
        Assert.Contains("no worker is alive", (await database.Store.FindAsync(second))!.WaitsBecause);

        await database.Workers.BeatAsync(Make.Worker, "lab-pc:42", 1);
        Assert.StartsWith("Position 2 of 2", (await database.Store.FindAsync(second))!.WaitsBecause);
        var busy = await Make.ClaimAsync(database);
        string why = (await database.Store.FindAsync(second))!.WaitsBecause!;
        Assert.Equal($"Position 1 of 1: the worker lab-pc:42 is busy with run {busy.RunId} (first).", why);

        await database.Workers.LeaveAsync(Make.Worker);
        Assert.Contains("lab-pc:42, was seen", (await database.Store.FindAsync(second))!.WaitsBecause);
        Assert.Null((await database.Store.FindAsync(busy.RunId))!.WaitsBecause);
    }

    private static async Task<ClaimedRun> ClaimWhenDueAsync(TestDatabase database)
    {
        for (int i = 0; i < 100; i++)
        {
            if (await database.Queue.ClaimAsync(Make.Worker, "test:1", Make.Lease) is { } run)
            {
                return run;
            }

            await Task.Delay(100);
        }

        throw new InvalidOperationException("The recovered run was never offered again.");
    }
}
