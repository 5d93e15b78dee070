using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Tests;

namespace SmtWeb.Worker.Tests;

/// <summary>What workers hold of the one server that they share; a server of its own, for other tests count on theirs.</summary>
[Trait("Needs", "Postgres")]
public sealed class ConnectionTests(PostgresFixture postgres)
{
    private const int Workers = 20,
        Most = 120;

    [Fact]
    public async Task Connections_OfTwentyIdleWorkers_AreFew()
    {
        Assert.SkipWhen(postgres.Missing is not null, postgres.Missing ?? "");
        var folder = Path.Combine(Path.GetTempPath(), "smtweb-connections-" + Guid.NewGuid().ToString("N")[..8]);
        await using (var server = await EmbeddedPostgres.StartAsync(folder, NullLogger.Instance))
        {
            await using var database = new TestDatabase(server.ConnectionString);
            await database.Database.MigrateAsync();
            await using var counting = NpgsqlDataSource.Create(server.ConnectionString + ";Pooling=false");
            var workers = new List<WorkerHarness>();
            try
            {
                var starting = new List<long>();
                for (int i = 0; i < Workers; i++)
                {
                    workers.Add(await WorkerHarness.StartAsync(database));
                    starting.Add(await CountAsync(counting));
                }

                await Task.Delay(TimeSpan.FromSeconds(30)); // what starting took is closed again
                var idle = new List<long>();
                for (int i = 0; i < 10; i++, await Task.Delay(500))
                {
                    idle.Add(await CountAsync(counting));
                }

                TestContext.Current.TestOutputHelper!.WriteLine(
                    $"connections of 20 workers: {string.Join(' ', starting)} while they start, {string.Join(' ', idle)} idle"
                );
                Assert.InRange(idle.Max(), Workers, Most);
            }
            finally
            {
                await Task.WhenAll(workers.Select(w => w.DisposeAsync().AsTask()));
            }
        }

        Directory.Delete(folder, recursive: true);
    }

    private static async Task<long> CountAsync(NpgsqlDataSource source)
    {
        await using var count = source.CreateCommand(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        );
        return (long)(await count.ExecuteScalarAsync())!;
    }
}
