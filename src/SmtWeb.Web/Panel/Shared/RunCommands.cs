using System.Security.Claims;
using SmtWeb.Runs;
using SmtWeb.Runs.Queue;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>
/// Changes of runs by the signed-in person. The role is asked again at each call: a button that is still on a page
/// proves nothing. What could not be done is told in the store's own sentence.
/// </summary>
public sealed class RunCommands(
    IRunStore store,
    EvaluationQueue evaluations,
    LiveRights rights,
    RunOwnership ownership,
    PanelNotices notices,
    PanelQuestions questions
)
{
    /// <summary>Queues a run; null (and a notice) where the role does not allow it.</summary>
    /// <exception cref="SmtWeb.Data.Settings.SpecException">The spec has errors.</exception>
    public async Task<long?> CreateAsync(Func<string, NewRun> run) =>
        await OperatorAsync() is { } person ? await store.CreateAsync(run(person.DisplayName()) with { OwnerId = person.UserId() }) : null;

    /// <summary>Asks a run to pause.</summary>
    public Task<bool> PauseAsync(RunSummary run) =>
        ChangeAsync(run.Id, by => store.PauseAsync(run.Id, by), $"{run.Name} pauses once its checkpoint is written.");

    /// <summary>Queues a run again.</summary>
    public Task<bool> ResumeAsync(RunSummary run) =>
        ChangeAsync(run.Id, by => store.ResumeAsync(run.Id, by), $"{run.Name} is queued and goes on from its last checkpoint.");

    /// <summary>Cancels a run after asking.</summary>
    public async Task<bool> CancelAsync(RunSummary run) =>
        await questions.AskAsync(
            $"Cancel {run.Name}?",
            "The trainer writes a checkpoint and leaves. Curves, samples and checkpoints stay; the run can be resumed later.",
            "Cancel run"
        ) && await ChangeAsync(run.Id, by => store.CancelAsync(run.Id, by), $"{run.Name} is cancelled.");

    /// <summary>Puts a run into the trash after asking.</summary>
    public async Task<bool> DeleteAsync(RunSummary run) =>
        await questions.AskAsync(
            $"Delete {run.Name}?",
            $"It lies in the trash for {TrashedRun.Kept.Days} days, with its curves, samples, log and checkpoints, and can be taken out "
                + "again.",
            "Move to trash"
        ) && await ChangeAsync(run.Id, by => store.DeleteAsync(run.Id, by), $"{run.Name} is in the trash.", undo: () => RestoreAsync(run));

    /// <summary>Takes a run out of the trash.</summary>
    public Task<bool> RestoreAsync(RunSummary run) => ChangeAsync(run.Id, by => store.RestoreAsync(run.Id, by), $"{run.Name} is back.");

    /// <summary>Deletes a run in the trash for good, after asking.</summary>
    public async Task<bool> PurgeAsync(RunSummary run) =>
        await questions.AskAsync($"Delete {run.Name} for good?", "Its curves, samples, log and checkpoints are lost.", "Delete for good")
        && await ChangeAsync(run.Id, by => store.PurgeAsync(run.Id, by), $"{run.Name} is deleted.");

    /// <summary>Why a person may not change this run, or null: what a page offers follows it. Each change asks again.</summary>
    public string? Refusal(RunSummary run, ClaimsPrincipal person) => ownership.Refusal(run, person);

    /// <summary>Changes the priority.</summary>
    public Task<bool> SetPriorityAsync(RunSummary run, int priority) =>
        ChangeAsync(run.Id, by => store.SetPriorityAsync(run.Id, priority, by), $"{run.Name} now has priority {priority}.");

    /// <summary>Renames a run.</summary>
    public Task<bool> RenameAsync(RunSummary run, string name) =>
        ChangeAsync(run.Id, by => store.RenameAsync(run.Id, name, by), $"Renamed to {name}.");

    /// <summary>Queues an evaluation of a checkpoint.</summary>
    public Task<bool> EvaluateAsync(long run, RunCheckpoint checkpoint, string protocol) =>
        ChangeAsync(
            null,
            by => evaluations.EnqueueAsync(run, checkpoint.Id, protocol, by),
            $"The checkpoint of iteration {checkpoint.Iteration:N0} is queued for {protocol}."
        );

    /// <summary>Takes an evaluation back.</summary>
    public async Task<bool> CancelAsync(EvaluationJob job)
    {
        if (await OperatorAsync() is not { } person)
        {
            return false;
        }

        // whoever asked for it may take it back, and whoever may change the run
        var own = ownership.Refusal("", job.CreatedBy, person) is null;
        return await ChangeAsync(
            own ? null : job.RunId,
            _ => evaluations.CancelAsync(job.Id),
            $"{job.Protocol} at iteration {job.Iteration:N0} is cancelled."
        );
    }

    private async Task<bool> ChangeAsync(long? owned, Func<string, Task<ChangeResult>> change, string done, Func<Task>? undo = null)
    {
        if (await OperatorAsync() is not { } person)
        {
            return false;
        }

        var refusal = owned is { } run ? await ownership.RefusalAsync(run, person) : null;
        var result = refusal is null ? await change(person.DisplayName()) : new ChangeResult(ChangeOutcome.Conflict, refusal);
        var made = result.Outcome == ChangeOutcome.Done;
        if (made && undo is not null)
        {
            notices.Done(done, undo);
        }
        else if (made)
        {
            notices.Done(done);
        }
        else
        {
            notices.Refused(result.Problem ?? "The run no longer exists.");
        }

        return made;
    }

    private async Task<ClaimsPrincipal?> OperatorAsync()
    {
        if (await rights.AskAsync(Policies.Operate) is { } person)
        {
            return person;
        }

        notices.Failed("Reviewers look and draw samples, but change nothing. Ask an administrator for the role Member.");
        return null;
    }
}
