using SmtWeb.Runs.Entities;

namespace SmtWeb.Runs;

/// <summary>The state machine of a run: which change may follow which state. Every change goes through <see cref="Require"/>.</summary>
public static class RunTransitions
{
    /// <summary>True while an attempt owns the run, so that its writes are accepted.</summary>
    public static bool IsHeld(this RunState state) =>
        state switch
        {
            RunState.Starting or RunState.Running or RunState.Stopping => true,
            RunState.Queued or RunState.Paused or RunState.Recovering or RunState.Finished or RunState.Failed or RunState.Cancelled =>
                false,
        };

    /// <summary>True while the run waits for a worker.</summary>
    public static bool IsWaiting(this RunState state) => state is RunState.Queued or RunState.Recovering;

    /// <summary>True where nothing more happens unless a user resumes the run.</summary>
    public static bool IsEnded(this RunState state) => state is RunState.Finished or RunState.Failed or RunState.Cancelled;

    /// <summary>Whether <paramref name="to"/> may follow <paramref name="from"/>.</summary>
    public static bool Allows(RunState from, RunState to) =>
        from switch
        {
            // A run that waits fails where its teacher will not be finished.
            RunState.Queued => to is RunState.Starting or RunState.Paused or RunState.Failed or RunState.Cancelled,
            RunState.Starting => to
                is RunState.Running
                    or RunState.Stopping
                    or RunState.Paused
                    or RunState.Queued
                    or RunState.Recovering
                    or RunState.Finished
                    or RunState.Failed
                    or RunState.Cancelled,
            RunState.Running => to
                is RunState.Stopping
                    or RunState.Paused
                    or RunState.Queued
                    or RunState.Recovering
                    or RunState.Finished
                    or RunState.Failed
                    or RunState.Cancelled,
            // A session that was asked to pause at its last iteration simply finishes.
            RunState.Stopping => to is RunState.Paused or RunState.Queued or RunState.Finished or RunState.Failed or RunState.Cancelled,
            RunState.Paused => to is RunState.Queued or RunState.Cancelled,
            RunState.Recovering => to is RunState.Starting or RunState.Paused or RunState.Failed or RunState.Cancelled,
            RunState.Failed => to is RunState.Queued,
            RunState.Cancelled => to is RunState.Queued,
            RunState.Finished => false,
        };

    /// <summary>Throws where <paramref name="to"/> may not follow <paramref name="from"/>.</summary>
    /// <exception cref="InvalidOperationException">Names both states.</exception>
    public static void Require(long runId, RunState from, RunState to)
    {
        if (!Allows(from, to))
        {
            throw new InvalidOperationException($"Run {runId} is {from}; it cannot become {to}.");
        }
    }

    /// <summary>
    /// What becomes of a run whose trainer ends in <paramref name="state"/>: <paramref name="obeyed"/> is what it left for, which
    /// it knew before it acted, and <paramref name="asked"/> what a person has asked of the run by now, which goes first. A
    /// trainer that paused of itself (<paramref name="obeyed"/> is none) leaves a paused run, whoever shuts down beside it.
    /// </summary>
    public static RunState AfterLeaving(RunState state, RunRequest asked, RunRequest obeyed) =>
        (state, asked, obeyed) switch
        {
            (RunState.Paused, RunRequest.Stop, _) => RunState.Cancelled,
            (RunState.Paused, RunRequest.Pause, _) => RunState.Paused,
            (RunState.Paused, _, RunRequest.Release) => RunState.Queued,
            _ => state,
        };

    /// <summary>
    /// What becomes of a run whose attempt was lost in <paramref name="state"/> after <paramref name="request"/> was made:
    /// a pause or stop that the user already asked for still holds.
    /// </summary>
    public static RunState AfterLoss(RunState state, RunRequest request) =>
        (state, request) switch
        {
            (RunState.Stopping, RunRequest.Pause) => RunState.Paused,
            (RunState.Stopping, RunRequest.Stop) => RunState.Cancelled,
            (RunState.Stopping, RunRequest.Release or RunRequest.None) => RunState.Queued,
            _ => RunState.Recovering,
        };
}
