using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using SmtWeb.Runs.Database;
using SmtWeb.Web.Hosting;

namespace SmtWeb.Web.Tests.Hosting;

/// <summary>What an idle node asks of the database server that a lab shares.</summary>
public sealed class ConnectionTests(SiteFixture site) : SiteTest(site)
{
    [Fact]
    public async Task IdleNode_PanelAndWorker_HoldsAtMostTenConnections()
    {
        await using var app = await Site.FreshAsync(NodeRole.All);
        await Task.Delay(TimeSpan.FromSeconds(30), Ct); // what starting took is closed again
        var name = new NpgsqlConnectionStringBuilder(app.Services.GetRequiredService<RunsDatabase>().Source.ConnectionString).Database;
        var seen = new List<long>();
        for (var i = 0; i < 20; i++, await Task.Delay(500, Ct))
        {
            await using var count = Site
                .App.Services.GetRequiredService<RunsDatabase>()
                .Source.CreateCommand($"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'");
            seen.Add((long)(await count.ExecuteScalarAsync(Ct))!);
        }

        TestContext.Current.TestOutputHelper!.WriteLine($"connections of an idle node: {string.Join(' ', seen)}");
        Assert.InRange(seen.Max(), 1, 10);
        await app.StopAsync(Ct);
    }
}
