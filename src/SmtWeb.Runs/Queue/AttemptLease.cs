using SmtWeb.Runs.Database;
using SmtWeb.Runs.Model;

namespace SmtWeb.Runs.Queue;

/// <summary>The hold of one attempt on its run.</summary>
public sealed class AttemptLease(RunsDatabase database, long runId, int attempt, TimeSpan length)
{
    /// <summary>How long the run is held after a renewal.</summary>
    public TimeSpan Length => length;

    /// <summary>Renews the lease and returns what is asked of the trainer; null where the attempt no longer owns the run.</summary>
    public async Task<RunRequest?> RenewAsync(CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        string? request = await connection.ScalarAsync<string>(
            """
            UPDATE runs SET heartbeat = now(), lease_until = now() + $3
            WHERE id = $1 AND attempt = $2 AND state IN ('Starting', 'Running', 'Stopping') RETURNING request
            """,
            [runId, attempt, length],
            ct);
        return request is null ? null : Enum.Parse<RunRequest>(request);
    }
}
