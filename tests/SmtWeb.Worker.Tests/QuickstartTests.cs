using SmtWeb.Runs.Tests;

namespace SmtWeb.Worker.Tests;

[Trait("Needs", "Postgres")]
public sealed class QuickstartTests(PostgresFixture postgres)
{
    [Fact]
    public async Task SeedAsync_ByManyNodesAtOnce_QueuesTheQuickstartsOnceForEver()
    {
        await using var database = await postgres.DatabaseAsync();
        var seeder = new QuickstartSeeder(database.Database, database.Store);
        var ids = (await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => seeder.SeedAsync())))).SelectMany(i => i).ToList();
        Assert.Equal(QuickstartSeeder.Names, (await database.Store.ListAsync()).OrderBy(r => r.Id).Select(r => r.Preset));
        Assert.Equal(QuickstartSeeder.Names.Count, ids.Count);

        foreach (long id in ids)
        {
            await database.Store.DeleteAsync(id, "ada");
        }

        Assert.Empty(await seeder.SeedAsync());
        Assert.Empty(await database.Store.ListAsync());
    }
}
