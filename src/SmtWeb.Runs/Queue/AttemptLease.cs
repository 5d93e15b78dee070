using SmtWeb.Runs.Database;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Runs.Queue;

/// <summary>The hold of one attempt on its run.</summary>
public sealed class AttemptLease(RunsDatabase database, long runId, int attempt, TimeSpan length)
{
    /// <summary>How long the run is held after a renewal.</summary>
    public TimeSpan Length => length;

    /// <summary>Renews the lease and returns what is asked of the trainer; null where the attempt no longer owns the run.</summary>
    public async Task<TrainerOrder?> RenewAsync(CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var renew = connection.Sql(
            """
            UPDATE runs SET heartbeat = now(), lease_until = now() + $3
            WHERE id = $1 AND attempt = $2 AND state IN ('Starting', 'Running', 'Stopping') RETURNING request, coalesce(state_reason, '')
            """,
            runId,
            attempt,
            length
        );
        await using var reader = await renew.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? new(Enum.Parse<RunRequest>(reader.GetString(0)), reader.GetString(1)) : null;
    }
}
