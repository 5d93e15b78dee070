using Npgsql;
using SmtWeb.Data.Settings;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Runs.Tests;

[Trait("Needs", "Postgres")]
public sealed class StoreTests(PostgresFixture postgres)
{
    [Fact]
    public async Task MigrateAsync_OfAnEmptyDatabase_ByManyNodesAtOnce_Works()
    {
        await using var database = await postgres.DatabaseAsync(migrate: false);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => database.Database.MigrateAsync())));
        await database.Database.MigrateAsync();

        var migrations = System
            .Reflection.Assembly.Load("SmtWeb.Migrations")
            .GetTypes()
            .Count(t => t.IsDefined(typeof(Microsoft.EntityFrameworkCore.Migrations.MigrationAttribute), false));
        Assert.True(migrations > 0);
        Assert.Equal(migrations, await database.ScalarAsync<long>("SELECT count(*) FROM \"__EFMigrationsHistory\""));
        Assert.Equal(
            "e",
            await database.ScalarAsync<string>(
                "SELECT attstorage::text FROM pg_attribute WHERE attrelid = 'checkpoint_chunks'::regclass AND attname = 'bytes'"
            )
        );
    }

    [Fact]
    public async Task CreateAsync_OfASpecWithErrors_NamesThemAndQueuesNothing()
    {
        await using var database = await postgres.DatabaseAsync();
        var spec = Make.Spec();
        spec = spec with { Seed = -1, Optimisation = spec.Optimisation with { BatchSize = 0 } };

        var error = await Assert.ThrowsAsync<SpecException>(() => Make.RunAsync(database, spec: spec));

        Assert.Contains(error.Errors, e => e.Path == "$.optimisation.batchSize");
        Assert.Contains(error.Errors, e => e.Path == "$.seed");
        Assert.Empty(await database.Store.ListAsync());
    }

    [Fact]
    public async Task FindAsync_GivesTheSpecBackAsItWasQueued()
    {
        await using var database = await postgres.DatabaseAsync();
        foreach (var preset in Presets.All)
        {
            var spec = preset.Spec;
            if (spec.Method is SmdSpec smd)
            {
                // a teacher of the same network and data, as a person would name
                long teacher = await database.Store.CreateAsync(new("teacher", spec with { Method = new DiffusionSpec() }, null, 0, "ada"));
                spec = spec with { Method = smd with { Teacher = $"{teacher}" } };
            }

            long id = await database.Store.CreateAsync(new(preset.Title, spec, preset.Name, 3, "ada"));
            var detail = (await database.Store.FindAsync(id))!;

            Assert.Equal(SpecJson.Write(spec), SpecJson.Write(detail.Spec));
            Assert.Equal(SpecJson.Hash(spec), detail.SpecHash);
            Assert.Equal(
                (preset.Title, preset.Name, 3, "ada", RunState.Queued),
                (detail.Summary.Name, detail.Summary.Preset, detail.Summary.Priority, detail.Summary.CreatedBy, detail.Summary.State)
            );
            Assert.Equal(spec.Method.Warmup() + spec.Optimisation.Iterations, detail.Summary.TotalIterations);
        }

        Assert.Null(await database.Store.FindAsync(999));
    }

    [Fact]
    public async Task MetricsAsync_KeepsNaNAndInfinity_PagesBySequence()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        double[] values = [1.5, double.NaN, double.PositiveInfinity, double.NegativeInfinity, -0.0];
        await writer.WriteAsync(Make.Metrics(1, values.Select((v, i) => Make.Point(i, v))));

        var first = await database.Store.MetricsAsync(id, limit: 2);
        var rest = await database.Store.MetricsAsync(id, first.LastSequence);

        Assert.Equal(values[..2], first.Points.Select(p => p.Value));
        Assert.Equal(values[2..], rest.Points.Select(p => p.Value));
        Assert.Equal(rest.LastSequence, (await database.Store.MetricsAsync(id, rest.LastSequence)).LastSequence);
    }

    [Fact]
    public async Task WriteAsync_OfAnEvaluation_MovesDistanceButNotTheBestWhichIsACheckpoints()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        await writer.WriteAsync(new(1, [], [], [Make.Evaluation(1, 3), Make.Evaluation(2, 1), Make.Evaluation(3, 2)], []));
        var summary = (await database.Store.FindAsync(id))!.Summary;
        Assert.Equal(("sw2", 2d, null), (summary.DistanceMetric, summary.Distance, summary.BestDistance));

        // the smallest of all was measured on weights that nobody kept
        await Make.CheckpointAsync(writer, 3, Make.Bytes(10), 2);
        long unmeasured = await Make.CheckpointAsync(writer, 4, Make.Bytes(10));
        Assert.Equal(2d, (await database.Store.FindAsync(id))!.Summary.BestDistance);
        Assert.Null((await database.Store.CheckpointsAsync(id)).Single(c => c.Id == unmeasured).Distance);

        await writer.WriteAsync(new(2, [], [], [Make.Evaluation(5, double.NaN), Make.Evaluation(6, double.PositiveInfinity)], []));
        await Make.CheckpointAsync(writer, 5, Make.Bytes(10), double.NaN);
        await Make.CheckpointAsync(writer, 6, Make.Bytes(10), double.PositiveInfinity);
        summary = (await database.Store.FindAsync(id))!.Summary;
        Assert.Equal((double.PositiveInfinity, 2d), (summary.Distance, summary.BestDistance));
        Assert.True(double.IsNaN((await database.Store.EvaluationsAsync(id))[^2].Record.Value));
    }

    [Fact]
    public async Task ClaimAsync_AfterALostAttempt_LeavesOneCurve()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        var first = await Make.ClaimAsync(database);
        var writer = Make.Writer(database, first);
        await writer.WriteAsync(
            new(1, [.. Enumerable.Range(0, 5).Select(i => Make.Point(i, 10 + i))], [Make.Picture(4)], [Make.Evaluation(4, 2)], [])
        );
        await Make.CheckpointAsync(writer, 4, Make.Bytes(10), 2);
        await writer.WriteAsync(
            new(2, [.. Enumerable.Range(5, 3).Select(i => Make.Point(i, 10 + i))], [Make.Picture(6)], [Make.Evaluation(6, 1)], [])
        );

        var second = await Make.LoseAndClaimAsync(database, first);
        var between = (await database.Store.FindAsync(id))!.Summary;
        Assert.Equal((4L, 2d, 2d), (between.Iteration, between.Distance, between.BestDistance));
        Assert.Equal([0L, 1, 2, 3, 4], (await database.Store.MetricsAsync(id)).Points.Select(p => p.Iteration));

        writer = Make.Writer(database, second);
        await writer.WriteAsync(
            new(1, [.. Enumerable.Range(5, 4).Select(i => Make.Point(i, 20 + i))], [Make.Picture(6)], [Make.Evaluation(6, 3)], [])
        );

        var points = (await database.Store.MetricsAsync(id)).Points;
        Assert.Equal([0L, 1, 2, 3, 4, 5, 6, 7, 8], points.Select(p => p.Iteration));
        Assert.Equal([10d, 11, 12, 13, 14, 25, 26, 27, 28], points.Select(p => p.Value));
        Assert.Equal([(1, 4L), (2, 6L)], (await database.Store.PicturesAsync(id)).Select(p => (p.Attempt, p.Iteration)));
        Assert.Equal([2d, 3], (await database.Store.EvaluationsAsync(id)).Select(e => e.Record.Value));
        Assert.Equal(2, (await database.Store.FindAsync(id))!.Summary.BestDistance);
        // What the lost stretch made is hidden, not gone.
        Assert.Equal(12, (await database.Store.MetricsAsync(id, superseded: true)).Points.Count);
    }

    [Fact]
    public async Task ClaimAsync_AfterAnAttemptLostBeforeItsFirstCheckpoint_StartsTheCurveAfresh()
    {
        await using var database = await postgres.DatabaseAsync();
        long id = await Make.RunAsync(database);
        var first = await Make.ClaimAsync(database);
        await Make.Writer(database, first).WriteAsync(Make.Metrics(1, Make.Point(0), Make.Point(1)));
        var second = await Make.LoseAndClaimAsync(database, first);
        await Make.Writer(database, second).WriteAsync(Make.Metrics(1, Make.Point(0)));

        Assert.Equal([(2, 0L)], (await database.Store.MetricsAsync(id)).Points.Select(p => (p.Attempt, p.Iteration)));
    }

    [Fact]
    public async Task Database_RefusesAHeldRunWithoutLease()
    {
        await using var database = await postgres.DatabaseAsync();
        await Make.RunAsync(database);
        await Assert.ThrowsAsync<PostgresException>(() => database.SqlAsync("UPDATE runs SET state = 'Running'"));
    }

    [Fact]
    public async Task DatabaseKeyRepository_KeepsKeys()
    {
        await using var database = await postgres.DatabaseAsync();
        var keys = (Database.DatabaseKeyRepository)database.Services.GetService(typeof(Database.DatabaseKeyRepository))!;
        keys.StoreElement(new("key", new System.Xml.Linq.XAttribute("id", 7)), "key-7");
        Assert.Equal("7", Assert.Single(keys.GetAllElements()).Attribute("id")!.Value);
    }
}
