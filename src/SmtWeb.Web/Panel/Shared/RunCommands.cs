using SmtWeb.Runs;
using SmtWeb.Runs.Queue;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>
/// Changes of runs by the signed-in person. The role is asked again at each call: a button that is still on a page
/// proves nothing. What could not be done is told in the store's own sentence.
/// </summary>
public sealed class RunCommands(IRunStore store, EvaluationQueue evaluations, LiveRights rights, PanelNotices notices, PanelQuestions questions)
{
    /// <summary>Queues a run; null (and a notice) where the role does not allow it.</summary>
    /// <exception cref="SmtWeb.Smt.Specs.SpecException">The spec has errors.</exception>
    public async Task<long?> CreateAsync(Func<string, NewRun> run) =>
        await OperatorAsync() is { } by ? await store.CreateAsync(run(by)) : null;

    /// <summary>Asks a run to pause.</summary>
    public Task<bool> PauseAsync(RunSummary run) => ChangeAsync(by => store.PauseAsync(run.Id, by), $"{run.Name} pauses once its checkpoint is written.");

    /// <summary>Queues a run again.</summary>
    public Task<bool> ResumeAsync(RunSummary run) => ChangeAsync(by => store.ResumeAsync(run.Id, by), $"{run.Name} is queued and goes on from its last checkpoint.");

    /// <summary>Ends a run after asking.</summary>
    public async Task<bool> StopAsync(RunSummary run) =>
        await questions.AskAsync($"End {run.Name}?", "The trainer writes a checkpoint and leaves. Curves, samples and checkpoints stay; the run can be resumed later.", "End run")
        && await ChangeAsync(by => store.StopAsync(run.Id, by), $"{run.Name} ends.");

    /// <summary>Deletes a run after asking.</summary>
    public async Task<bool> DeleteAsync(RunSummary run) =>
        await questions.AskAsync($"Delete {run.Name}?", "Its curves, samples, log and checkpoints are deleted for good.", "Delete for good")
        && await ChangeAsync(by => store.DeleteAsync(run.Id, by), $"{run.Name} is deleted.");

    /// <summary>Changes the priority.</summary>
    public Task<bool> SetPriorityAsync(RunSummary run, int priority) =>
        ChangeAsync(by => store.SetPriorityAsync(run.Id, priority, by), $"{run.Name} now has priority {priority}.");

    /// <summary>Renames a run.</summary>
    public Task<bool> RenameAsync(RunSummary run, string name) => ChangeAsync(by => store.RenameAsync(run.Id, name, by), $"Renamed to {name}.");

    /// <summary>Queues an evaluation of a checkpoint.</summary>
    public Task<bool> EvaluateAsync(long run, RunCheckpoint checkpoint, string protocol) =>
        ChangeAsync(by => evaluations.EnqueueAsync(run, checkpoint.Id, protocol, by), $"The checkpoint of iteration {checkpoint.Iteration:N0} is queued for {protocol}.");

    /// <summary>Takes an evaluation back.</summary>
    public Task<bool> CancelAsync(EvaluationJob job) => ChangeAsync(_ => evaluations.CancelAsync(job.Id), $"{job.Protocol} at iteration {job.Iteration:N0} is cancelled.");

    private async Task<bool> ChangeAsync(Func<string, Task<ChangeResult>> change, string done)
    {
        if (await OperatorAsync() is not { } by)
        {
            return false;
        }

        var result = await change(by);
        var made = result.Outcome == ChangeOutcome.Done;
        if (made)
        {
            notices.Done(done);
        }
        else
        {
            notices.Refused(result.Problem ?? "The run no longer exists.");
        }

        return made;
    }

    private async Task<string?> OperatorAsync()
    {
        if (await rights.AskAsync(Policies.Operate) is { } person)
        {
            return person.DisplayName();
        }

        notices.Failed("Reviewers look and draw samples, but change nothing. Ask an administrator for the role Member.");
        return null;
    }
}
