using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Checkpoints;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Runs.Tests;

/// <summary>New runs from checkpoints of others, and runs that stopped for numbers that are not finite.</summary>
[Trait("Needs", "Postgres")]
public sealed class ForkTests(PostgresFixture postgres)
{
    [Fact]
    public async Task CreateAsync_Fork_BeginsWhereItForkedAndOutlivesItsParent()
    {
        await using var database = await postgres.DatabaseAsync();
        var (parent, first, bytes) = await ParentAsync(database);
        long fork = await ForkAsync(
            database,
            new(parent, first),
            s => s with { Optimisation = s.Optimisation with { GeneratorRate = 1e-7 } }
        );

        var detail = (await database.Store.FindAsync(fork))!;
        Assert.Equal(
            (parent, 2L, "a run", 2L),
            (detail.Summary.ParentRunId, detail.Summary.ForkedAt, detail.ParentName, detail.Summary.Iteration)
        );
        Assert.Equal(("sw2", 0.5, 0.5), (detail.Summary.DistanceMetric, detail.Summary.Distance, detail.Summary.BestDistance));
        Assert.Contains($"forked from run {parent} (a run) at iteration 2", (await database.Store.EventsAsync(fork))[0].Message);
        Assert.Equal([2L], (await database.Store.MetricsAsync(fork)).Points.Select(p => p.Iteration));
        Assert.Equal([2L], (await database.Store.EvaluationsAsync(fork)).Select(e => e.Record.Iteration));
        Assert.Equal([2L], (await database.Store.PicturesAsync(fork)).Select(p => p.Iteration));

        await database.Store.DeleteAsync(parent, "ada");
        await database.Store.PurgeAsync(parent, "ada");
        var claim = await Make.ClaimAsync(database);
        Assert.Equal((fork, 1, 2L), (claim.RunId, claim.Attempt, claim.FirstIteration));
        var copy = Assert.Single(await database.Store.CheckpointsAsync(fork));
        await using var stream = await database.Store.OpenCheckpointAsync(fork, copy.Id);
        using var read = new MemoryStream();
        await stream!.CopyToAsync(read);
        Assert.Equal(bytes, read.ToArray());
        Assert.Null((await database.Store.FindAsync(fork))!.ParentName);

        // an attempt that is lost goes on from the same place, with the point that the curve begins with
        await Make.Writer(database, claim).WriteAsync(Make.Metrics(1, Make.Point(3)));
        Assert.Equal(2, (await Make.LoseAndClaimAsync(database, claim)).FirstIteration);
        Assert.Equal([2L], (await database.Store.MetricsAsync(fork)).Points.Select(p => p.Iteration));
    }

    [Fact]
    public async Task CreateAsync_ForkOfOtherData_TakesNoDistances()
    {
        await using var database = await postgres.DatabaseAsync();
        var (parent, first, _) = await ParentAsync(database);
        long fork = await ForkAsync(database, new(parent, first), s => s with { Data = new SwissRollSpec { Noise = 1 } });
        Assert.Null((await database.Store.FindAsync(fork))!.Summary.Distance);
        Assert.Null((await database.Store.CheckpointsAsync(fork))[0].Distance);
        Assert.Empty(await database.Store.EvaluationsAsync(fork));
        Assert.Equal([2L], (await database.Store.MetricsAsync(fork)).Points.Select(p => p.Iteration));
    }

    [Fact]
    public async Task CreateAsync_ForkThatCannotBe_IsRefusedByPathAndLeavesNothing()
    {
        await using var database = await postgres.DatabaseAsync();
        var (parent, first, _) = await ParentAsync(database);
        Assert.Equal("$.fork.run", await RefusedAsync(new(99), s => s));
        Assert.Equal("$.fork.checkpoint", await RefusedAsync(new(parent, first + 77), s => s));
        Assert.Equal("$.network.hiddenWidth", await RefusedAsync(new(parent), s => s with { Network = new MlpSpec { HiddenWidth = 77 } }));
        Assert.Equal(
            "$.optimisation.iterations",
            await RefusedAsync(
                new(parent),
                s =>
                    s with
                    {
                        Method = new SmtSpec { ScoreUpdatesPerGeneratorUpdate = 1 },
                        Optimisation = s.Optimisation with { Iterations = 1, RampIterations = 0 },
                    }
            )
        );
        await database.SqlAsync($"UPDATE checkpoint_chunks SET bytes = substring(bytes FOR 9) WHERE checkpoint_id = {first}");
        Assert.Equal("$.fork.checkpoint", await RefusedAsync(new(parent, first), s => s));
        Assert.Equal(1, await database.ScalarAsync<long>("SELECT count(*) FROM runs"));
        Assert.Equal(2, await database.ScalarAsync<long>("SELECT count(*) FROM checkpoints"));

        async Task<string> RefusedAsync(ForkPoint point, Func<TrainingSpec, TrainingSpec> change) =>
            (await Assert.ThrowsAsync<SpecException>(() => ForkAsync(database, point, change))).Errors[0].Path;
    }

    [Fact]
    public async Task EndAsync_NotFinite_IsAMarkUntilItGoesOnFromBefore()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        await writer.BeginAsync("training");
        await Make.CheckpointAsync(writer, 2, Make.Bytes(10));
        await writer.WriteAsync(Make.Metrics(1, Make.Point(3), Make.Point(4, double.NaN)));
        await writer.EndAsync(RunState.Failed, "not finite", firstBadIteration: 4);
        var summary = (await database.Store.FindAsync(id))!.Summary;
        Assert.Equal((RunState.Failed, 4L), (summary.State, summary.FirstBadIteration));

        Assert.Equal(ChangeResult.Done, await database.Store.ResumeAsync(id, "ada"));
        Assert.Null((await database.Store.FindAsync(id))!.Summary.FirstBadIteration);
        Assert.Equal(2, (await Make.ClaimAsync(database)).FirstIteration);
    }

    [Fact]
    public async Task DamagedCheckpoint_WithOlderOnes_GoesOnFromTheNewestWholeAndSaysSo()
    {
        await using var database = await postgres.DatabaseAsync();
        var (id, _, _) = await ParentAsync(database);
        await database.Store.ResumeAsync(id, "ada");
        var claim = await Make.ClaimAsync(database);
        long newest = (await database.Store.CheckpointsAsync(id))[^1].Id;
        Assert.Equal(4, claim.FirstIteration);
        await Make.Writer(database, claim).EndWithDamagedCheckpointAsync(newest, "Checkpoint is damaged.");
        var summary = (await database.Store.FindAsync(id))!.Summary;
        Assert.Equal(RunState.Recovering, summary.State);
        Assert.Contains("goes on from iteration 2, the newest whole one", summary.StateReason);
        Assert.Equal(2, (await Make.ClaimAsync(database)).FirstIteration);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task DamagedCheckpoint_TheOnlyOne_FailsInsteadOfBeginningAgain(bool fork)
    {
        await using var database = await postgres.DatabaseAsync();
        var (id, first, _) = await ParentAsync(database);
        if (fork)
        {
            id = await ForkAsync(database, new(id, first), s => s);
        }
        else
        {
            await database.SqlAsync($"DELETE FROM checkpoints WHERE id = {first}");
            await database.Store.ResumeAsync(id, "ada");
        }

        var claim = await Make.ClaimAsync(database);
        await Make.Writer(database, claim)
            .EndWithDamagedCheckpointAsync((await database.Store.CheckpointsAsync(id))[^1].Id, "Checkpoint is damaged.");
        var summary = (await database.Store.FindAsync(id))!.Summary;
        Assert.Equal(RunState.Failed, summary.State);
        Assert.Contains("no other that is whole", summary.StateReason);
        // from the start a fork would be another run
        Assert.Equal(fork ? ChangeOutcome.Conflict : ChangeOutcome.Done, (await database.Store.ResumeAsync(id, "ada")).Outcome);
    }

    [Fact]
    public async Task SetDamagedAsideAsync_HidesItOnceAndSaysSo()
    {
        await using var database = await postgres.DatabaseAsync();
        var (id, first, _) = await ParentAsync(database);
        Assert.True(await database.Store.SetDamagedAsideAsync(first, "its bytes do not match."));
        Assert.False(await database.Store.SetDamagedAsideAsync(first, "its bytes do not match."));
        Assert.Equal([4L], (await database.Store.CheckpointsAsync(id)).Select(c => c.Iteration));
        Assert.Single(
            await database.Store.EventsAsync(id),
            e => e.Message.Contains("iteration 2 was set aside: its bytes do not match.", StringComparison.Ordinal)
        );
    }

    // A paused run with checkpoints of iterations 2 and 4, of which the first was measured.
    private static async Task<(long Run, long First, byte[] Bytes)> ParentAsync(TestDatabase database)
    {
        long id = await Make.RunAsync(database);
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        await writer.BeginAsync("training");
        await writer.WriteAsync(
            new JournalBatch(1, [.. Enumerable.Range(1, 4).Select(i => Make.Point(i))], [Make.Picture(2)], [Make.Evaluation(2, 0.5)], [])
        );
        byte[] bytes = Make.Bytes(CheckpointWriter.ChunkBytes + 100);
        long first = await Make.CheckpointAsync(writer, 2, bytes, 0.5);
        await Make.CheckpointAsync(writer, 4, Make.Bytes(50));
        await writer.EndAsync(RunState.Paused, "paused");
        return (id, first, bytes);
    }

    private static Task<long> ForkAsync(TestDatabase database, ForkPoint point, Func<TrainingSpec, TrainingSpec> change) =>
        database.Store.CreateAsync(
            new("a fork", change(Make.Spec()), null, 0, "ada") { Fork = point },
            TestContext.Current.CancellationToken
        );
}
