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

/// <summary>Runs in PostgreSQL: changes that people ask for.</summary>
public sealed partial class RunStore
{
    // How the runs say it that waited for one that was deleted.
    private const string Deleted = "was deleted by ";

    /// <summary>Longest name of a run.</summary>
    public const int LongestName = 200;

    /// <inheritdoc/>
    public async Task<long> CreateAsync(NewRun run, CancellationToken ct = default)
    {
        if (run.Name.Length > 0 && NameRule.Problem(NameRule.Trim(run.Name), LongestName) is { } wrong)
        {
            throw new SpecException([new SpecError("$.name", wrong)]);
        }

        SpecValidation.Ensure(run.Spec);
        run = run with { Spec = await new DatasetStore(database).ResolveAsync(run.Spec, ct) };
        SpecValidation.Ensure(run.Spec);
        var fork = run.Fork is { } point ? await ForkSource.FindAsync(database, point, run.Spec, ct) : null;
        if (fork is null)
        {
            await TeacherCheck.EnsureAsync(database, run.Spec, ct); // a fork's checkpoint holds its teacher
        }

        string spec = SpecJson.Write(run.Spec);
        using var parsed = JsonDocument.Parse(spec);
        string Kind(string member) => parsed.RootElement.GetProperty(member).GetProperty("kind").GetString()!;
        var row = new RunRow
        {
            Name = run.Name.Trim() is { Length: > 0 } name ? name : run.Preset ?? $"{Kind("method")} on {Kind("data")}",
            Preset = run.Preset,
            Method = Kind("method"),
            Data = Kind("data"),
            Spec = spec,
            SpecHash = SpecJson.Hash(run.Spec),
            TeacherRunId = (run.Spec.Method as SmdSpec)?.TeacherRun(),
            CheckpointsKept = run.Spec.Evaluation.CheckpointsKept,
            State = RunState.Queued,
            Priority = run.Priority,
            TotalIterations = StoredSpec.TotalIterations(run.Spec),
            Created = DateTimeOffset.UtcNow,
            CreatedBy = run.CreatedBy,
            OwnerId = run.OwnerId,
            ParentRunId = fork?.RunId,
            ForkedAt = fork?.Iteration,
            Iteration = fork?.Iteration ?? 0,
            Seconds = fork?.Seconds ?? 0,
        };
        await using var context = await database.ContextAsync(ct);
        await using var transaction = await context.Database.BeginTransactionAsync(ct);
        context.Runs.Add(row);
        await context.SaveChangesAsync(ct);
        var connection = (NpgsqlConnection)context.Database.GetDbConnection();
        if (fork is not null)
        {
            await fork.CopyAsync(connection, row.Id, ct);
        }

        row.JobId = await JobTable.EnqueueAsync(connection, JobQueues.Training, JobQueues.Train(row.Id, row.Name), ct);
        context.Events.Add(Line(row, $"Queued by {run.CreatedBy}{(fork is null ? "" : $", {fork.Words}")}.", RunState.Queued));
        await context.SaveChangesAsync(ct);
        await NotifyAsync(context, RunChannels.Runs, new RunNotice(row.Id, RunNoticeKind.Summary).ToString(), ct);
        await transaction.CommitAsync(ct);
        return row.Id;
    }

    /// <inheritdoc/>
    public Task<ChangeResult> PauseAsync(long id, string by, CancellationToken ct = default) =>
        ChangeAsync(
            id,
            by,
            run =>
                run.State switch
                {
                    RunState.Queued or RunState.Recovering => Move(run, RunState.Paused, $"paused by {by}"),
                    RunState.Starting or RunState.Running => Ask(
                        run,
                        RunRequest.Pause,
                        $"paused by {by}; the trainer is writing its checkpoint"
                    ),
                    RunState.Stopping when run.Request is RunRequest.Pause => Verdict.Nothing,
                    // Its worker is shutting down: let the checkpoint be written, but leave the run paused.
                    RunState.Stopping when run.Request is RunRequest.Release => Ask(
                        run,
                        RunRequest.Pause,
                        $"paused by {by}; the trainer is writing its checkpoint"
                    ),
                    RunState.Paused => Verdict.Nothing,
                    RunState.Stopping or RunState.Finished or RunState.Failed or RunState.Cancelled => Refuse(
                        run,
                        "paused",
                        "Only a run that waits or trains can be paused."
                    ),
                },
            ct
        );

    /// <inheritdoc/>
    public async Task<ChangeResult> ResumeAsync(long id, string by, CancellationToken ct = default) =>
        await ForkSource.IsWithoutCheckpointAsync(database, id, ct)
            ? new(ChangeOutcome.Conflict, $"Run {id} is a fork whose checkpoint is damaged, and it has no other to go on from. Fork anew.")
            : await ChangeAsync(
                id,
                by,
                run =>
                    run.State switch
                    {
                        RunState.Paused or RunState.Failed or RunState.Cancelled => Requeue(run, by),
                        RunState.Queued or RunState.Recovering => Verdict.Nothing,
                        RunState.Stopping => Refuse(
                            run,
                            "resumed",
                            "Its trainer is still writing the checkpoint; resume it once it is paused."
                        ),
                        RunState.Starting or RunState.Running or RunState.Finished => Refuse(
                            run,
                            "resumed",
                            "Only a paused, failed or cancelled run can be resumed; fork a finished one to train longer."
                        ),
                    },
                ct
            );

    /// <inheritdoc/>
    public Task<ChangeResult> CancelAsync(long id, string by, CancellationToken ct = default) =>
        ChangeAsync(
            id,
            by,
            run =>
                run.State switch
                {
                    RunState.Queued or RunState.Recovering or RunState.Paused => Move(run, RunState.Cancelled, $"cancelled by {by}"),
                    RunState.Starting or RunState.Running => Ask(
                        run,
                        RunRequest.Stop,
                        $"cancelled by {by}; the trainer is writing its checkpoint"
                    ),
                    RunState.Stopping when run.Request is RunRequest.Stop => Verdict.Nothing,
                    RunState.Stopping => Ask(run, RunRequest.Stop, $"cancelled by {by}; the trainer is writing its checkpoint"),
                    RunState.Cancelled => Verdict.Nothing,
                    RunState.Finished or RunState.Failed => Refuse(run, "cancelled", "It has already ended."),
                },
            ct
        );

    /// <inheritdoc/>
    public async Task<ChangeResult> DeleteAsync(long id, string by, CancellationToken ct = default) =>
        await ChangeAsync(
            id,
            by,
            run => run.State.IsHeld() ? Refuse(run, "deleted", "A trainer holds it: cancel it first.") : Trash(run, by),
            ct
        );

    /// <inheritdoc/>
    public Task<ChangeResult> RestoreAsync(long id, string by, CancellationToken ct = default) =>
        ChangeAsync(id, by, run => Untrash(run, by), ct, inTrash: true);

    /// <inheritdoc/>
    public Task<ChangeResult> PurgeAsync(long id, string by, CancellationToken ct = default) =>
        ChangeAsync(id, by, _ => Verdict.Delete, ct, inTrash: true);

    /// <inheritdoc/>
    public Task<ChangeResult> SetPriorityAsync(long id, int priority, string by, CancellationToken ct = default) =>
        ChangeAsync(
            id,
            by,
            run =>
            {
                if (!run.State.IsWaiting() && run.State is not RunState.Paused)
                {
                    return Refuse(run, "given another priority", "Priority matters only to a run that waits.");
                }

                if (run.Priority == priority)
                {
                    return Verdict.Nothing;
                }

                int before = run.Priority;
                run.Priority = priority;
                return new(Line: $"Priority {before} → {priority} by {by}.");
            },
            ct
        );

    /// <inheritdoc/>
    public Task<ChangeResult> RenameAsync(long id, string name, string by, CancellationToken ct = default) =>
        ChangeAsync(
            id,
            by,
            run =>
            {
                string trimmed = NameRule.Trim(name);
                if (NameRule.Problem(trimmed, LongestName) is { } wrong)
                {
                    return new(Problem: wrong);
                }

                string before = run.Name;
                run.Name = trimmed;
                return before == trimmed ? Verdict.Nothing : new(Line: $"Renamed by {by}; it was \"{before}\".");
            },
            ct
        );

    private static Verdict Move(RunRow run, RunState to, string reason)
    {
        RunTransitions.Require(run.Id, run.State, to);
        (run.State, run.StateReason, run.Request, run.NotBefore) = (to, reason, RunRequest.None, null);
        run.Ended = to.IsEnded() ? DateTimeOffset.UtcNow : null;
        run.FirstBadIteration = null; // it goes on from before it, or is given up
        return new(Line: $"{to}: {reason}", State: to);
    }

    private static Verdict Ask(RunRow run, RunRequest request, string reason)
    {
        (run.State, run.Request, run.StateReason) = (RunState.Stopping, request, reason);
        return new(Line: $"Stopping: {reason}", State: RunState.Stopping, Signal: true);
    }

    private static Verdict Requeue(RunRow run, string by)
    {
        var verdict = Move(run, RunState.Queued, $"resumed by {by}");
        run.FruitlessAttempts = 0;
        return verdict;
    }

    private static Verdict Refuse(RunRow run, string verb, string why) =>
        new(Problem: $"Run {run.Id} is {run.State} and cannot be {verb}. {why}");

    // A run that waits must not be taken by a worker while it lies in the trash: there it is paused.
    private static Verdict Trash(RunRow run, string by)
    {
        var before = run.State;
        if (before.IsWaiting())
        {
            Move(run, RunState.Paused, $"put into the trash by {by}");
        }

        (run.Trashed, run.TrashedBy, run.TrashedFrom) = (DateTimeOffset.UtcNow, by, before);
        return new(
            Line: $"Put into the trash by {by}.",
            State: run.State == before ? null : run.State,
            Audit: AuditActions.RunDeleted,
            Notice: RunNoticeKind.Deleted
        );
    }

    private static Verdict Untrash(RunRow run, string by)
    {
        var waited = run.TrashedFrom?.IsWaiting() == true;
        (run.Trashed, run.TrashedBy, run.TrashedFrom) = (null, null, null);
        if (waited)
        {
            Move(run, RunState.Queued, $"taken out of the trash by {by}");
        }

        return new(Line: $"Taken out of the trash by {by}.", State: waited ? RunState.Queued : null, Audit: AuditActions.RunRestored);
    }

    /// <summary>Decides on a run under its lock, so that two people and a trainer never decide on the same old state.</summary>
    private async Task<ChangeResult> ChangeAsync(
        long id,
        string by,
        Func<RunRow, Verdict> decide,
        CancellationToken ct,
        bool inTrash = false
    )
    {
        await using var context = await database.ContextAsync(ct);
        await using var transaction = await context.Database.BeginTransactionAsync(ct);
        var run = await context.Runs.FromSql($"SELECT * FROM runs WHERE id = {id} FOR UPDATE").AsTracking().SingleOrDefaultAsync(ct);
        if (run is null || run.Trashed is not null != inTrash)
        {
            return new(ChangeOutcome.NotFound, inTrash ? $"There is no run {id} in the trash." : $"There is no run {id}.");
        }

        var verdict = decide(run);
        if (verdict.Problem is not null)
        {
            return new(ChangeOutcome.Conflict, verdict.Problem);
        }

        if (verdict == Verdict.Nothing)
        {
            return ChangeResult.Done;
        }

        if (verdict == Verdict.Delete)
        {
            context.Runs.Remove(run);
            AuditLog.Add(
                context,
                new Actor(by),
                AuditActions.RunPurged,
                $"run {id} ({run.Name})",
                $"of {run.CreatedBy}",
                DateTimeOffset.UtcNow
            );
        }
        else
        {
            context.Events.Add(Line(run, verdict.Line!, verdict.State));
            if (verdict.Audit is { } action)
            {
                AuditLog.Add(context, new Actor(by), action, $"run {id} ({run.Name})", $"of {run.CreatedBy}", DateTimeOffset.UtcNow);
            }
        }

        var connection = (NpgsqlConnection)context.Database.GetDbConnection();
        if (verdict.State is RunState.Queued)
        {
            // a new episode of the run is a new job
            run.JobId = await JobTable.EnqueueAsync(connection, JobQueues.Training, JobQueues.Train(run.Id, run.Name), ct);
        }
        else if (verdict == Verdict.Delete || verdict.State is RunState.Paused or RunState.Cancelled)
        {
            await JobTable.WithdrawAsync(
                connection,
                run.JobId,
                $"The run was {(verdict == Verdict.Delete ? "deleted" : verdict.State is RunState.Paused ? "paused" : "stopped")} by "
                    + $"{by} while it waited.",
                ct
            );
        }

        await TellStudentsAsync(connection, run, verdict, by, ct);
        await context.SaveChangesAsync(ct);
        await NotifyAsync(
            context,
            RunChannels.Runs,
            new RunNotice(id, verdict == Verdict.Delete ? RunNoticeKind.Deleted : verdict.Notice).ToString(),
            ct
        );
        if (verdict != Verdict.Delete)
        {
            await NotifyAsync(context, RunChannels.Runs, new RunNotice(id, RunNoticeKind.Event).ToString(), ct);
        }

        await NotifyAsync(context, RunChannels.Queue, "", ct);
        if (verdict.Signal)
        {
            await NotifyAsync(context, RunChannels.Signal, id.ToString(), ct);
        }

        await transaction.CommitAsync(ct);
        return ChangeResult.Done;
    }

    private sealed record Verdict(
        string? Problem = null,
        string? Line = null,
        RunState? State = null,
        bool Signal = false,
        string? Audit = null,
        RunNoticeKind Notice = RunNoticeKind.Summary
    )
    {
        /// <summary>Already as asked.</summary>
        public static Verdict Nothing { get; } = new(Line: "nothing");

        /// <summary>Remove the row.</summary>
        public static Verdict Delete { get; } = new(Line: "delete");
    }
}
