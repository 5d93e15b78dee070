using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Session;

namespace SmtWeb.Runs.Tests;

[Trait("Needs", "Postgres")]
public sealed class FenceTests(PostgresFixture postgres)
{
    /// <summary>Every kind of write that an attempt can make.</summary>
    public static TheoryData<string> Writes =>
        ["metrics", "picture", "evaluation", "line", "checkpoint", "begin", "end", "damaged", "last chunk"];

    [Theory]
    [MemberData(nameof(Writes))]
    public async Task Write_FromAnOldAttempt_IsRefusedAndLeavesNothing(string write)
    {
        await using var database = await postgres.DatabaseAsync();
        await Make.RunAsync(database);
        var first = await Make.ClaimAsync(database);
        var old = Make.Writer(database, first);
        using var half = old.Checkpoint(new(5, 80, 0.5, null, "test"), TimeSpan.FromSeconds(5));
        var second = await Make.LoseAndClaimAsync(database, first);
        string before = await ContentAsync(database);

        var refused = await Assert.ThrowsAsync<AttemptFencedException>(() =>
            write switch
            {
                "metrics" => old.WriteAsync(Make.Metrics(1, Make.Point(1))),
                "picture" => old.WriteAsync(new(1, [], [Make.Picture(1)], [], [])),
                "evaluation" => old.WriteAsync(new(1, [], [], [Make.Evaluation(1, 0.5)], [])),
                "line" => old.WriteAsync(new(1, [], [], [], [new(LogLevel.Information, "hello")])),
                "checkpoint" => Make.CheckpointAsync(old, 1, Make.Bytes(100)),
                "begin" => old.BeginAsync("begin"),
                "end" => old.EndAsync(RunState.Finished, "done"),
                "damaged" => old.EndWithDamagedCheckpointAsync(1, "damaged"),
                "last chunk" => half.CompleteAsync(),
                _ => throw new InvalidOperationException(write),
            }
        );

        Assert.Equal(1, refused.Attempt);
        Assert.Equal(before, await ContentAsync(database));
        // The same writes are accepted from the attempt that owns the run.
        var current = Make.Writer(database, second);
        await current.WriteAsync(
            new(1, [Make.Point(1)], [Make.Picture(1)], [Make.Evaluation(1, 0.5)], [new(LogLevel.Information, "hello")])
        );
        Assert.NotEqual(before, await ContentAsync(database));
    }

    [Fact]
    public async Task RenewAsync_OfAnOldAttempt_SaysThatTheRunIsGone()
    {
        await using var database = await postgres.DatabaseAsync();
        await Make.RunAsync(database);
        var first = await Make.ClaimAsync(database);
        Assert.NotNull(await new AttemptLease(database.Database, first.RunId, 1, Make.Lease).RenewAsync());
        var second = await Make.LoseAndClaimAsync(database, first);

        Assert.Null(await new AttemptLease(database.Database, first.RunId, 1, Make.Lease).RenewAsync());
        Assert.NotNull(await new AttemptLease(database.Database, first.RunId, second.Attempt, Make.Lease).RenewAsync());
    }

    [Fact]
    public async Task WriteAsync_AfterTheRunWasGivenBack_IsRefused()
    {
        await using var database = await postgres.DatabaseAsync();
        await Make.RunAsync(database);
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        await writer.EndAsync(RunState.Finished, "all iterations done");

        await Assert.ThrowsAsync<AttemptFencedException>(() => writer.WriteAsync(Make.Metrics(1, Make.Point(1))));
    }

    [Fact]
    public async Task WriteAsync_WhileTheRunIsTakenAway_IsEitherBeforeOrRefused()
    {
        // The fence locks the row: a claim cannot fall between the check and the write. Without the lock some rows of
        // attempt 1 would carry ids above the first row of attempt 2.
        await using var database = await postgres.DatabaseAsync();
        await Make.RunAsync(database);
        var first = await Make.ClaimAsync(database);
        var old = Make.Writer(database, first);
        var writing = Task.Run(async () =>
        {
            for (int i = 1; ; i++)
            {
                await old.WriteAsync(Make.Metrics(i, Make.Point(i)));
            }
        });
        await Task.Delay(200, TestContext.Current.CancellationToken);
        var second = await Make.LoseAndClaimAsync(database, first);
        await Make.Writer(database, second).WriteAsync(Make.Metrics(1, Make.Point(1)));
        await Assert.ThrowsAsync<AttemptFencedException>(() => writing);

        Assert.True(await database.ScalarAsync<long>("SELECT count(*) FROM metrics WHERE attempt = 1") > 0, "the old attempt never wrote");
        Assert.True(
            await database.ScalarAsync<bool>("SELECT max(id) FILTER (WHERE attempt = 1) < min(id) FILTER (WHERE attempt = 2) FROM metrics")
        );
        Assert.Equal(0, await database.ScalarAsync<long>("SELECT count(*) FROM metrics WHERE attempt = 1 AND NOT superseded"));
    }

    [Fact]
    public async Task WriteAsync_OfTheSameBatchTwice_IsStoredOnce()
    {
        // A commit whose answer was lost with the connection is sent again.
        await using var database = await postgres.DatabaseAsync();
        long run = await Make.RunAsync(database);
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        var batch = new JournalBatch(
            1,
            [Make.Point(1), Make.Point(2)],
            [Make.Picture(2)],
            [Make.Evaluation(2, 0.5)],
            [new(LogLevel.Warning, "once")]
        );

        await writer.WriteAsync(batch);
        await writer.WriteAsync(batch);
        await writer.WriteAsync(Make.Metrics(2, Make.Point(3)));

        Assert.Equal([1L, 2, 3], (await database.Store.MetricsAsync(run)).Points.Select(p => p.Iteration));
        Assert.Single(await database.Store.PicturesAsync(run));
        Assert.Single(await database.Store.EvaluationsAsync(run));
        Assert.Single(await database.Store.EventsAsync(run), e => e.Message == "once");
    }

    private static Task<string> ContentAsync(TestDatabase database) =>
        database.ScalarAsync<string>(
            """
            SELECT concat_ws(' | ', (SELECT count(*) FROM metrics), (SELECT count(*) FROM pictures), (SELECT count(*) FROM evaluations),
                (SELECT count(*) FROM events),
                (SELECT count(*) FROM checkpoints), (SELECT count(*) FROM checkpoint_chunks), (SELECT string_agg(r::text, ',') FROM runs r),
                    (SELECT string_agg(a::text, ',' ORDER BY number) FROM attempts a))
            """
        );
}
