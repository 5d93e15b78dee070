using SmtWeb.Runs;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>What a state means for the panel: which filter shows it and which buttons make sense.</summary>
public static class RunStates
{
    /// <summary>A trainer is at work on it, or was until it was lost.</summary>
    public static bool IsActive(RunState state) =>
        state is RunState.Starting or RunState.Running or RunState.Stopping or RunState.Recovering;

    /// <summary>Its place in the queue matters.</summary>
    public static bool IsWaiting(RunState state) => state is RunState.Queued or RunState.Recovering;

    /// <summary>It can be paused.</summary>
    public static bool CanPause(RunState state) => state is RunState.Queued or RunState.Starting or RunState.Running or RunState.Recovering;

    /// <summary>It can go on.</summary>
    public static bool CanResume(RunState state) => state is RunState.Paused or RunState.Failed or RunState.Cancelled;

    /// <summary>It can be ended.</summary>
    public static bool CanStop(RunState state) => CanPause(state) || state == RunState.Paused;

    /// <summary>No trainer holds it, so that it can be deleted.</summary>
    public static bool CanDelete(RunState state) =>
        state is RunState.Queued or RunState.Paused or RunState.Finished or RunState.Failed or RunState.Cancelled;
}
