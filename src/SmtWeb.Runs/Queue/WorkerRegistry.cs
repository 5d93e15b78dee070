using SmtWeb.Runs.Database;

namespace SmtWeb.Runs.Queue;

/// <summary>Which workers are alive.</summary>
public sealed class WorkerRegistry(RunsDatabase database)
{
    /// <summary>A worker that was silent for longer is taken for dead.</summary>
    public static TimeSpan Silence { get; } = TimeSpan.FromSeconds(15);

    /// <summary>Registers a worker or renews its sign of life.</summary>
    public async Task BeatAsync(Guid id, string name, int slots, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await connection.ExecuteAsync(
            """
            INSERT INTO workers (id, name, slots, started, heartbeat) VALUES ($1, $2, $3, now(), now())
            ON CONFLICT (id) DO UPDATE SET heartbeat = now(), slots = excluded.slots, ended = NULL
            """,
            [id, name, slots],
            ct
        );
    }

    /// <summary>The worker says goodbye.</summary>
    public async Task LeaveAsync(Guid id, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await connection.ExecuteAsync("UPDATE workers SET ended = now() WHERE id = $1", [id], ct);
        await connection.ExecuteAsync("DELETE FROM workers WHERE heartbeat < now() - interval '30 days'", [], ct);
    }

    /// <summary>How many workers are alive, on any node.</summary>
    public async Task<long> CountAliveAsync(CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await connection.ScalarAsync<long>(
            "SELECT count(*) FROM workers WHERE ended IS NULL AND heartbeat > now() - $1::interval",
            [Silence],
            ct
        );
    }
}
