using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Runs.Tests;

/// <summary>The list of runs in parts.</summary>
[Trait("Needs", "Postgres")]
public sealed class RunTableTests(PostgresFixture postgres)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Read_TenThousandRuns_IsQuickInEveryOrder()
    {
        await using var database = await postgres.DatabaseAsync();
        await FillAsync(database, 10_000);
        var table = database.Services.GetRequiredService<IRunTable>();
        await table.ReadAsync(new(), Ct); // the first one compiles the queries
        foreach (var order in Enum.GetValues<RunTableOrder>())
        {
            var watch = Stopwatch.StartNew();
            var part = await table.ReadAsync(
                new()
                {
                    Order = order,
                    Search = "run 9",
                    Skip = 100,
                    Take = 50,
                },
                Ct
            );
            TestContext.Current.TestOutputHelper!.WriteLine($"{order}: {watch.ElapsedMilliseconds} ms");
            Assert.Equal(50, part.Runs.Count);
            Assert.Equal(3439, part.Total); // numbers with a nine in them
            Assert.Equal(10_000, part.All);
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(2), $"{order} took {watch.Elapsed}.");
        }
    }

    [Theory]
    [InlineData(true, "best fid,worse fid,good sw2,worst sw2,none")]
    [InlineData(false, "worse fid,best fid,worst sw2,good sw2,none")]
    public async Task Distance_OfUnlikeMetrics_IsNotRankedTogetherAndNoneIsLast(bool rising, string names)
    {
        await using var database = await postgres.DatabaseAsync();
        foreach (
            var (name, metric, value) in new[]
            {
                ("none", "NULL", "NULL"),
                ("worst sw2", "'sw2'", "0.9"),
                ("best fid", "'fid'", "80"),
                ("good sw2", "'sw2'", "0.1"),
                ("worse fid", "'fid'", "90"),
            }
        )
        {
            var id = await Make.RunAsync(database, name);
            await database.SqlAsync($"UPDATE runs SET distance_metric = {metric}, distance = {value} WHERE id = {id}");
        }

        var part = await database
            .Services.GetRequiredService<IRunTable>()
            .ReadAsync(new() { Order = RunTableOrder.Distance, Descending = !rising }, Ct);
        Assert.Equal(names.Split(','), part.Runs.Select(r => r.Name));
    }

    [Theory]
    [InlineData("100%", 1)]
    [InlineData("_", 1)]
    [InlineData("\\", 1)]
    [InlineData("ROLL tester", 4)]
    [InlineData("#2", 1)]
    [InlineData("nothing like it", 0)]
    [InlineData("", 4)]
    public async Task Search_Words_AreTakenAsTheyAre(string search, int found)
    {
        await using var database = await postgres.DatabaseAsync();
        foreach (var name in new[] { "at 100% rate", "plain", "under_score", "back\\slash" })
        {
            await Make.RunAsync(database, name);
        }

        var part = await database.Services.GetRequiredService<IRunTable>().ReadAsync(new() { Search = search }, Ct);
        Assert.Equal(found, part.Total);
        Assert.Equal(found, part.Runs.Count);
    }

    [Fact]
    public async Task Read_RunInTheTrash_IsInNoPartAndNotCounted()
    {
        await using var database = await postgres.DatabaseAsync();
        await Make.RunAsync(database, "kept");
        var gone = await Make.RunAsync(database, "gone");
        Assert.Equal(ChangeOutcome.Done, (await database.Store.DeleteAsync(gone, "tester", Ct)).Outcome);
        var part = await database.Services.GetRequiredService<IRunTable>().ReadAsync(new(), Ct);
        Assert.Equal(["kept"], part.Runs.Select(r => r.Name));
        Assert.Equal((1, 1), (part.Total, part.All));
    }

    [Fact]
    public async Task NewestPictures_OfSeveralRuns_AreTheLastOfEach()
    {
        await using var database = await postgres.DatabaseAsync();
        var with = await Make.RunAsync(database, "with");
        var without = await Make.RunAsync(database, "without");
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        await writer.BeginAsync("test");
        await writer.WriteAsync(
            new(1, [], [Make.Picture(10), Make.Picture(20), Make.Picture(20, Smt.Session.PictureKind.Interpolation)], [], []),
            Ct
        );
        var newest = await database.Services.GetRequiredService<IRunTable>().NewestPicturesAsync([with, without], Ct);
        Assert.Equal([with], newest.Keys);
        Assert.Equal(20, newest[with].Iteration);
        Assert.Equal(Smt.Session.PictureKind.Samples, newest[with].Kind);
    }

    private static Task<int> FillAsync(TestDatabase database, int runs) =>
        database.SqlAsync(
            $"""
            INSERT INTO runs (name, preset, method, data, spec, spec_hash, state, request, created, created_by, total_iterations, iteration,
                priority, attempt, fruitless_attempts, skipped_steps, seconds, checkpoints_kept, distance_metric, distance)
            SELECT 'run ' || i, 'preset', 'smt', 'swissRoll', '{SpecJson.Write(Make.Spec()).Replace(
                "'",
                "''"
            )}', 'h', CASE i % 3 WHEN 0 THEN 'Failed' ELSE 'Finished' END, 'None', now(), 'tester', 10, 5, 0, 1, 0, 0, 0, 1, 'fid', i
            FROM generate_series(1, {runs}) i
            """
        );
}
