using Hangfire.PostgreSql;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Runs.Database;

/// <summary>The database behind the runs: one pool of connections, and the migrations.</summary>
public sealed class RunsDatabase(NpgsqlDataSource source, IDbContextFactory<SmtWebDbContext> contexts)
{
    /// <summary>Assembly with the migrations.</summary>
    public const string MigrationsAssembly = "SmtWeb.Migrations";

    /// <summary>Schema of Hangfire's tables.</summary>
    public const string JobSchema = "hangfire";

    // Any constant serves, as long as every node takes the same one.
    private const long MigrationLock = 0x536D_7457_6562_0001;

    /// <summary>The pool of connections, for plain SQL.</summary>
    public NpgsqlDataSource Source => source;

    /// <summary>A context for one unit of work.</summary>
    public Task<SmtWebDbContext> ContextAsync(CancellationToken ct = default) => contexts.CreateDbContextAsync(ct);

    /// <summary>Brings the database up to date. Nodes that start together take turns, so each migration runs once.</summary>
    public async Task MigrateAsync(CancellationToken ct = default)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using (
            var take = new NpgsqlCommand("SELECT pg_advisory_lock($1)", connection)
            {
                Parameters = { new() { Value = MigrationLock } },
                CommandTimeout = 0,
            }
        )
        {
            await take.ExecuteNonQueryAsync(ct);
        }

        try
        {
            // Hangfire's tables are installed here and nowhere else. Its scripts set the session's search path: a connection of
            // their own, which the pool resets.
            await using (var hangfire = await source.OpenConnectionAsync(ct))
            {
                PostgreSqlObjectsInstaller.Install(hangfire, JobSchema);
            }

            await using var context = await contexts.CreateDbContextAsync(ct);
            await context.Database.MigrateAsync(ct);
            await JobRepair.RunAsync(connection, ct);
        }
        finally
        {
            await using var release = new NpgsqlCommand("SELECT pg_advisory_unlock($1)", connection)
            {
                Parameters = { new() { Value = MigrationLock } },
            };
            await release.ExecuteNonQueryAsync(CancellationToken.None);
        }
    }
}
