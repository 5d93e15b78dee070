using Npgsql;
using NpgsqlTypes;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Session;

namespace SmtWeb.Runs.Attempts;

/// <summary>Takes a run from its attempt and puts it into another state. The caller holds the run's row.</summary>
internal static class RunRelease
{
    public static async Task<(RunState State, RunRequest Request)> ReadAsync(NpgsqlConnection connection, long runId, CancellationToken ct)
    {
        await using var command = connection.Sql("SELECT state, request FROM runs WHERE id = $1", runId);
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        return (Enum.Parse<RunState>(reader.GetString(0)), Enum.Parse<RunRequest>(reader.GetString(1)));
    }

    public static async Task ApplyAsync(
        NpgsqlConnection connection,
        long runId,
        int attempt,
        RunState state,
        string reason,
        CancellationToken ct
    )
    {
        await connection.ExecuteAsync(
            """
            UPDATE runs SET state = $2, state_reason = $3, request = 'None', worker_id = NULL, lease_until = NULL, images_per_second = NULL,
                ended = CASE WHEN $2 IN ('Finished', 'Failed', 'Cancelled') THEN now() END
            WHERE id = $1
            """,
            [runId, new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Text, Value = state.ToString() }, reason],
            ct
        );
        await connection.ExecuteAsync(
            "UPDATE attempts SET ended = now(), outcome = $3 WHERE run_id = $1 AND number = $2",
            [runId, attempt, reason],
            ct
        );
        var level =
            state is RunState.Failed ? LogLevel.Error
            : state is RunState.Recovering ? LogLevel.Warning
            : LogLevel.Information;
        await RunEvents.WriteAsync(connection, runId, attempt, level, $"{state}: {reason}", state, ct);
        if (state is RunState.Failed or RunState.Cancelled)
        {
            await Teachers.FailStudentsAsync(
                connection,
                runId,
                $"{(state is RunState.Failed ? "failed" : "was stopped")} before it was finished ({reason})",
                ct
            );
        }
    }
}
