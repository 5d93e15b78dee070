using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Runs.Tests;

[Trait("Needs", "Postgres")]
public sealed class ChangeTests(PostgresFixture postgres)
{
    [Fact]
    public async Task PauseAsync_OfAQueuedRun_TakesItOutOfTheQueue()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        Assert.Equal(ChangeResult.Done, await database.Store.PauseAsync(id, "ada"));
        Assert.Null(await database.Queue.ClaimAsync(Make.Worker, "w", Make.Lease));
        var summary = (await database.Store.FindAsync(id))!.Summary;
        Assert.Equal((RunState.Paused, (int?)null), (summary.State, summary.QueuePosition));
        Assert.Contains("ada", summary.StateReason);

        Assert.Equal(ChangeResult.Done, await database.Store.ResumeAsync(id, "ada"));
        Assert.Equal(id, (await Make.ClaimAsync(database)).RunId);
    }

    [Fact]
    public async Task PauseAsync_OfARunningRun_AsksItsTrainer()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        var run = await Make.ClaimAsync(database);
        var writer = Make.Writer(database, run);
        await writer.BeginAsync("training");
        await database.Store.PauseAsync(id, "ada");
        Assert.Equal(RunState.Stopping, (await database.Store.FindAsync(id))!.Summary.State);
        Assert.Equal(RunRequest.Pause, (await new AttemptLease(database.Database, id, run.Attempt, Make.Lease).RenewAsync())!.Request);
        Assert.Equal(ChangeOutcome.Conflict, (await database.Store.ResumeAsync(id, "ada")).Outcome);

        await writer.EndAsync(RunState.Paused, "checkpoint of iteration 3 written");
        Assert.Equal(RunState.Paused, (await database.Store.FindAsync(id))!.Summary.State);
    }

    [Fact]
    public async Task StopAsync_AfterPauseAsync_EndsTheRunWhenTheTrainerLeaves()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        await writer.BeginAsync("training");
        await database.Store.PauseAsync(id, "ada");
        await database.Store.CancelAsync(id, "bob");
        // The trainer had read the pause before the stop came.
        await writer.EndAsync(RunState.Paused, "paused");

        var summary = (await database.Store.FindAsync(id))!.Summary;
        Assert.Equal(RunState.Cancelled, summary.State);
        Assert.NotNull(summary.Ended);
    }

    [Fact]
    public async Task EndAsync_ToAnImpossibleState_Throws()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        await writer.BeginAsync("training");
        await Assert.ThrowsAsync<InvalidOperationException>(() => writer.EndAsync(RunState.Starting, "?"));
        Assert.Equal(RunState.Running, (await database.Store.FindAsync(id))!.Summary.State);
    }

    [Fact]
    public async Task DeleteAndPurgeAsync_RefuseAHeldRunAndTakeEverythingOfAnother()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        await writer.WriteAsync(new(1, [Make.Point(1)], [Make.Picture(1)], [Make.Evaluation(1, 1)], []));
        await Make.CheckpointAsync(writer, 1, Make.Bytes(10));
        var refused = await database.Store.DeleteAsync(id, "ada");
        Assert.Equal(ChangeOutcome.Conflict, refused.Outcome);
        Assert.Contains("cancel it first", refused.Problem);

        await writer.EndAsync(RunState.Finished, "done");
        Assert.Equal(ChangeResult.Done, await database.Store.DeleteAsync(id, "ada"));
        Assert.Null(await database.Store.FindAsync(id));
        Assert.Equal(1, await database.ScalarAsync<long>("SELECT count(*) FROM checkpoints")); // the trash keeps all
        Assert.Equal(ChangeResult.Done, await database.Store.PurgeAsync(id, "ada"));
        foreach (string table in (string[])["metrics", "pictures", "evaluations", "events", "checkpoints", "checkpoint_chunks", "attempts"])
        {
            Assert.Equal(0, await database.ScalarAsync<long>($"SELECT count(*) FROM {table}"));
        }

        Assert.Equal(ChangeOutcome.NotFound, (await database.Store.DeleteAsync(id, "ada")).Outcome);
    }

    [Fact]
    public async Task Changes_OfAFinishedRun_AreRefusedWithAReason()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        await Make.Writer(database, await Make.ClaimAsync(database)).EndAsync(RunState.Finished, "done");
        foreach (
            var result in (ChangeResult[])
                [
                    await database.Store.PauseAsync(id, "a"),
                    await database.Store.ResumeAsync(id, "a"),
                    await database.Store.CancelAsync(id, "a"),
                    await database.Store.SetPriorityAsync(id, 3, "a"),
                ]
        )
        {
            Assert.Equal(ChangeOutcome.Conflict, result.Outcome);
            Assert.Contains("is Finished", result.Problem);
        }

        Assert.Equal(ChangeResult.Done, await database.Store.RenameAsync(id, "  kept  ", "a"));
        Assert.Equal("kept", (await database.Store.FindAsync(id))!.Summary.Name);
        Assert.Equal(ChangeOutcome.Conflict, (await database.Store.RenameAsync(id, " ", "a")).Outcome);
    }

    [Fact]
    public void Allows_KnowsEveryPairAndNoWayOutOfFinished()
    {
        foreach (var from in Enum.GetValues<RunState>())
        {
            foreach (var to in Enum.GetValues<RunState>())
            {
                bool allowed = RunTransitions.Allows(from, to);
                Assert.False(allowed && from == to);
                Assert.False(allowed && from == RunState.Finished);
                // Only a waiting run can be claimed, and only a trainer can finish a run.
                Assert.True(to != RunState.Starting || allowed == from.IsWaiting());
                Assert.True(to != RunState.Finished || allowed == from.IsHeld());
                Assert.Equal(allowed, Record.Exception(() => RunTransitions.Require(1, from, to)) is null);
            }
        }
    }
}
