using SmtWeb.Runs.People;

namespace SmtWeb.Runs.Tests;

/// <summary>The trash: what lies there is neither trained nor shown, comes back as it was, and goes for good after its time.</summary>
[Trait("Needs", "Postgres")]
public sealed class TrashTests(PostgresFixture postgres)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_InTheTrash_IsClaimedByNobody_AndQueuesAgainWhenTakenOut()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        Assert.Equal(ChangeResult.Done, await database.Store.DeleteAsync(id, "ada", Ct));
        Assert.Null(await database.Queue.ClaimAsync(Make.Worker, "w", Make.Lease));
        Assert.Null(await database.Store.FindAsync(id, Ct));
        Assert.Empty(await database.Store.ListAsync(Ct));
        Assert.Empty(await database.Store.SearchAsync(new RunQuery(), Ct));
        Assert.Equal(ChangeOutcome.NotFound, (await database.Store.ResumeAsync(id, "ada", Ct)).Outcome);
        Assert.Equal(ChangeOutcome.NotFound, (await database.Store.DeleteAsync(id, "ada", Ct)).Outcome);
        var trashed = Assert.Single(await database.Store.TrashAsync(Ct));
        Assert.Equal((id, "ada"), (trashed.Run.Id, trashed.DeletedBy));

        Assert.Equal(ChangeResult.Done, await database.Store.RestoreAsync(id, "bob", Ct));
        Assert.Empty(await database.Store.TrashAsync(Ct));
        Assert.Equal(id, (await Make.ClaimAsync(database)).RunId);
        Assert.Contains(await database.Store.EventsAsync(id, ct: Ct), e => e.Message == "Taken out of the trash by bob.");
    }

    [Theory]
    [InlineData(RunState.Paused)]
    [InlineData(RunState.Cancelled)]
    public async Task Run_ThatDidNotWait_ComesBackInItsState(RunState state)
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        await (state == RunState.Paused ? database.Store.PauseAsync(id, "ada", Ct) : database.Store.CancelAsync(id, "ada", Ct));
        await database.Store.DeleteAsync(id, "ada", Ct);
        await database.Store.RestoreAsync(id, "ada", Ct);
        Assert.Equal(state, (await database.Store.FindAsync(id, Ct))!.Summary.State);
        Assert.Null(await database.Queue.ClaimAsync(Make.Worker, "w", Make.Lease));
    }

    [Fact]
    public async Task Run_ThatATrainerHolds_IsNotDeleted()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        await Make.ClaimAsync(database);
        Assert.Equal(ChangeOutcome.Conflict, (await database.Store.DeleteAsync(id, "ada", Ct)).Outcome);
    }

    [Fact]
    public async Task Purge_AfterSevenDays_RemovesThoseOnly()
    {
        await using var database = await postgres.DatabaseAsync();
        var (old, young, kept) = (await Make.RunAsync(database), await Make.RunAsync(database), await Make.RunAsync(database));
        await database.Store.DeleteAsync(old, "ada", Ct);
        await database.Store.DeleteAsync(young, "ada", Ct);
        foreach (var (run, days) in new[] { (old, 7.01), (young, 6.99) })
        {
            await using var age = database.Database.Source.CreateCommand(
                $"UPDATE runs SET trashed = now() - interval '{days.ToString(System.Globalization.CultureInfo.InvariantCulture)} days' "
                    + $"WHERE id = {run}"
            );
            await age.ExecuteNonQueryAsync(Ct);
        }

        Assert.Equal(1, await database.Store.PurgeTrashAsync(Ct));
        Assert.Equal([young], (await database.Store.TrashAsync(Ct)).Select(t => t.Run.Id));
        Assert.Null(await database.Store.OwnerAsync(old, Ct));
        Assert.NotNull(await database.Store.FindAsync(kept, Ct));
        await using var log = database.Database.Source.CreateCommand("SELECT string_agg(action, ',' ORDER BY id) FROM audit");
        Assert.Equal($"{AuditActions.RunDeleted},{AuditActions.RunDeleted},{AuditActions.RunPurged}", await log.ExecuteScalarAsync(Ct));
    }
}
