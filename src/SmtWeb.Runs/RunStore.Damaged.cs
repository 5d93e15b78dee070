using SmtWeb.Runs.Database;
using SmtWeb.Smt.Session;

namespace SmtWeb.Runs;

/// <summary>Runs in PostgreSQL: checkpoints that are not as they were written.</summary>
public sealed partial class RunStore
{
    /// <inheritdoc/>
    public async Task<bool> SetDamagedAsideAsync(long checkpointId, string why, CancellationToken ct = default)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await using (
            var find = connection.Sql(
                """
                SELECT r.id, r.attempt, c.iteration FROM runs r JOIN checkpoints c ON c.run_id = r.id
                WHERE c.id = $1 AND c.complete AND NOT c.damaged FOR NO KEY UPDATE OF r
                """,
                checkpointId
            )
        )
        {
            (long Run, int Attempt, long Iteration) of;
            await using (var reader = await find.ExecuteReaderAsync(ct))
            {
                if (!await reader.ReadAsync(ct))
                {
                    return false;
                }

                of = (reader.GetInt64(0), reader.GetInt32(1), reader.GetInt64(2));
            }

            await connection.ExecuteAsync("UPDATE checkpoints SET damaged = true WHERE id = $1", [checkpointId], ct);
            await RunEvents.WriteAsync(
                connection,
                of.Run,
                of.Attempt,
                LogLevel.Warning,
                $"The checkpoint of iteration {of.Iteration:N0} was set aside: {why}",
                null,
                ct
            );
            await connection.NotifyAsync(new RunNotice(of.Run, RunNoticeKind.Checkpoint), ct);
        }

        await transaction.CommitAsync(ct);
        return true;
    }
}
