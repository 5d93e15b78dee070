using Microsoft.EntityFrameworkCore;
using Npgsql;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Entities;
using SmtWeb.Smt.Session;

namespace SmtWeb.Runs.Queue;

/// <summary>
/// A distillation that names a diffusion run waits until that run has finished. Where the teacher fails, is stopped or is
/// deleted, the runs that wait for it fail and say so; resumed by hand they no longer wait, and distil its last checkpoint.
/// A distillation that has a checkpoint of its own needs its teacher no more. Other teachers (imported models; runs of other
/// methods, which the trainer refuses in words) are never waited for, so that no two runs wait for each other.
/// </summary>
internal static class Teachers
{
    /// <summary>The only method whose runs can be distilled.</summary>
    public const string Method = "diffusion";

    /// <summary>SQL: finds a row where the run called <c>student</c> has to wait.</summary>
    public const string Unfinished =
        "SELECT 1 FROM runs t WHERE t.id = student.teacher_run_id AND t.method = '"
        + Method
        + "' AND t.state NOT IN ('Finished', 'Failed', 'Cancelled') AND "
        + NotBegun;

    // a checkpoint holds the teacher's weights
    private const string NotBegun = "NOT EXISTS (SELECT 1 FROM checkpoints c WHERE c.run_id = student.id AND c.complete AND NOT c.damaged)";

    /// <summary>Why a run waits for its teacher.</summary>
    public static async Task<string> SentenceAsync(SmtWebDbContext context, long runId, CancellationToken ct)
    {
        var teacher = await context
            .Runs.Where(r => r.Id == runId)
            .Join(
                context.Runs,
                r => r.TeacherRunId,
                t => t.Id,
                (r, t) =>
                    new
                    {
                        t.Id,
                        t.Name,
                        t.State,
                    }
            )
            .SingleOrDefaultAsync(ct);
        return teacher is null
            ? "it waits for its teacher, which has just been deleted."
            : $"it waits for its teacher, run {teacher.Id} ({teacher.Name}), which {Now(teacher.State)}";
    }

    /// <summary>The runs that wait for <paramref name="runId"/> have another reason to wait, or none: their pages look again.</summary>
    public static async Task NotifyStudentsAsync(NpgsqlConnection connection, long runId, CancellationToken ct)
    {
        foreach (var (student, _) in await WaitingAsync(connection, runId, ct))
        {
            await connection.NotifyAsync(new RunNotice(student, RunNoticeKind.Summary), ct);
        }
    }

    /// <summary>The run <paramref name="runId"/> will not be finished: those that wait for it fail. The caller holds its row.</summary>
    public static async Task FailStudentsAsync(NpgsqlConnection connection, long runId, string what, CancellationToken ct)
    {
        string name = await connection.ScalarAsync<string>("SELECT name FROM runs WHERE id = $1", [runId], ct) ?? "";
        string reason =
            $"its teacher, run {runId} ({name}), {what}. Resume that run and then this one, or this one alone to distil the checkpoint "
            + "that is left; clone this run to name another teacher.";
        foreach (var (student, attempt) in await WaitingAsync(connection, runId, ct, "FOR NO KEY UPDATE"))
        {
            await connection.ExecuteAsync(
                "UPDATE runs SET state = 'Failed', state_reason = $2, request = 'None', not_before = NULL, ended = now() WHERE id = $1",
                [student, reason],
                ct
            );
            await JobTable.WithdrawAsync(
                connection,
                await connection.ScalarAsync<long?>("SELECT job_id FROM runs WHERE id = $1", [student], ct),
                "Its teacher will not be finished.",
                ct
            );
            await RunEvents.WriteAsync(connection, student, attempt, LogLevel.Error, $"Failed: {reason}", RunState.Failed, ct);
        }
    }

    private static async Task<List<(long Run, int Attempt)>> WaitingAsync(
        NpgsqlConnection connection,
        long teacher,
        CancellationToken ct,
        string forUpdate = ""
    )
    {
        await using var select = connection.Sql(
            $"SELECT id, attempt FROM runs student WHERE teacher_run_id = $1 AND state IN ('Queued', 'Recovering') AND {NotBegun} ORDER "
                + $"BY id {forUpdate}",
            teacher
        );
        await using var reader = await select.ExecuteReaderAsync(ct);
        var found = new List<(long, int)>();
        while (await reader.ReadAsync(ct))
        {
            found.Add((reader.GetInt64(0), reader.GetInt32(1)));
        }

        return found;
    }

    private static string Now(RunState state) =>
        state switch
        {
            RunState.Queued => "is queued itself.",
            RunState.Starting => "is starting.",
            RunState.Running => "is running.",
            RunState.Stopping => "is stopping.",
            RunState.Recovering => "is recovering.",
            RunState.Paused => "is paused: resume that run, or stop it and then resume this one to distil the checkpoint that is left.",
            RunState.Finished or RunState.Failed or RunState.Cancelled => "has ended.",
        };
}
