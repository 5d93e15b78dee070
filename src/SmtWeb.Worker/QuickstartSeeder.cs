using Npgsql;
using SmtWeb.Runs;
using SmtWeb.Runs.Database;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Worker;

/// <summary>Queues the quickstart runs on a new installation, so that its first page is alive.</summary>
public sealed class QuickstartSeeder(RunsDatabase database, IRunStore store)
{
    // Any constant serves, as long as every node takes the same one.
    private const long SeedLock = 0x536D_7457_6562_0002;

    /// <summary>The presets queued, in this order. The official network is left to a person: it needs many hours.</summary>
    public static IReadOnlyList<string> Names { get; } = ["swiss-roll", "fashion-mnist-quick"];

    /// <summary>Queues them if the database never held a run; returns their ids.</summary>
    public async Task<IReadOnlyList<long>> SeedAsync(CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        // Nodes that start together take turns. "Never" and not "now": who deletes the quickstarts does not want them back.
        await using var look = new NpgsqlCommand(
            $"SELECT pg_advisory_xact_lock({SeedLock}); SELECT NOT is_called FROM runs_id_seq",
            connection
        );
        await using (var reader = await look.ExecuteReaderAsync(ct))
        {
            await reader.NextResultAsync(ct);
            if (!await reader.ReadAsync(ct) || !reader.GetBoolean(0))
            {
                return [];
            }
        }

        var ids = new List<long>();
        foreach (string name in Names)
        {
            if (Presets.Find(name) is { } preset)
            {
                ids.Add(await store.CreateAsync(new(preset.Title, preset.Spec, preset.Name, Priority: 0, "quickstart"), ct));
            }
        }

        return ids;
    }
}
