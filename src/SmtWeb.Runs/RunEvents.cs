using Npgsql;
using NpgsqlTypes;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Session;

namespace SmtWeb.Runs;

/// <summary>Writes log lines and state changes. The caller holds the run's row, so that ids rise in commit order.</summary>
internal static class RunEvents
{
    public static async Task WriteAsync(
        NpgsqlConnection connection,
        long runId,
        int attempt,
        LogLevel level,
        string message,
        RunState? state,
        CancellationToken ct
    )
    {
        // PostgreSQL text holds every character but NUL, which a native library's message may contain.
        await connection.ExecuteAsync(
            "INSERT INTO events (run_id, attempt, at, level, message, state) VALUES ($1, $2, now(), $3, $4, $5)",
            [
                runId,
                attempt,
                level.ToString(),
                message.Replace("\0", ""),
                new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)state?.ToString() ?? DBNull.Value },
            ],
            ct
        );
        await connection.NotifyAsync(new RunNotice(runId, RunNoticeKind.Event), ct);
        if (state is not null)
        {
            await connection.NotifyAsync(new RunNotice(runId, RunNoticeKind.Summary), ct);
            await connection.NotifyAsync(RunChannels.Queue, "", ct);
            await Teachers.NotifyStudentsAsync(connection, runId, ct);
        }
    }
}
