using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using SmtWeb.Data.Settings;
using SmtWeb.Data.Text;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Datasets;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Runs;

// What a change means for the distillations that wait for the run.
public sealed partial class RunStore
{
    private static EventRow Line(RunRow run, string message, RunState? state) =>
        new()
        {
            RunId = run.Id,
            Attempt = run.Attempt,
            At = DateTimeOffset.UtcNow,
            Level = LogLevel.Information,
            Message = message,
            State = state,
        };

    private static Task NotifyAsync(SmtWebDbContext context, string channel, string payload, CancellationToken ct) =>
        context.Database.ExecuteSqlAsync($"SELECT pg_notify({channel}, {payload})", ct);

    // The distillations that wait for this run: one that was only asked to end tells them when it has.
    private static async Task TellStudentsAsync(NpgsqlConnection connection, RunRow run, Verdict verdict, string by, CancellationToken ct)
    {
        if (verdict == Verdict.Delete || verdict.Audit == AuditActions.RunDeleted)
        {
            await Teachers.FailStudentsAsync(connection, run.Id, $"{Deleted}{by}", ct);
        }
        else if (verdict.Audit == AuditActions.RunRestored)
        {
            await RequeueStudentsAsync(connection, run.Id, by, ct);
        }
        else if (verdict.State is RunState.Cancelled)
        {
            await Teachers.FailStudentsAsync(connection, run.Id, $"was {run.StateReason} before it was finished", ct);
        }
        else
        {
            await Teachers.NotifyStudentsAsync(connection, run.Id, ct);
        }
    }

    // What failed only because its teacher lay in the trash is undone with it.
    private static async Task RequeueStudentsAsync(NpgsqlConnection connection, long teacher, string by, CancellationToken ct)
    {
        var students = new List<(long Run, int Attempt)>();
        await using (
            var update = connection.Sql(
                """
                UPDATE runs SET state = 'Queued', state_reason = $3, ended = NULL
                WHERE teacher_run_id = $1 AND state = 'Failed' AND trashed IS NULL AND position($2 in state_reason) > 0 RETURNING id,
                    attempt
                """,
                teacher,
                Deleted,
                $"its teacher was taken out of the trash by {by}"
            )
        )
        {
            await using var reader = await update.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                students.Add((reader.GetInt64(0), reader.GetInt32(1)));
            }
        }

        foreach (var (student, attempt) in students)
        {
            await RunEvents.WriteAsync(
                connection,
                student,
                attempt,
                LogLevel.Information,
                $"Queued: its teacher, run {teacher}, was taken out of the trash by {by}.",
                RunState.Queued,
                ct
            );
        }
    }
}
