using SmtWeb.Runs;
using SmtWeb.Smt.Session;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Runs;

/// <summary>A row of the list: a run as it was heard of last, its newest picture, and why it waits.</summary>
public sealed class RunLine(RunSummary run, RunPicture? picture)
{
    /// <summary>The run.</summary>
    public RunSummary Run { get; set; } = run;

    /// <summary>Its newest picture.</summary>
    public RunPicture? Picture { get; set; } = picture;

    /// <summary>Why it waits, once that was asked.</summary>
    public string? Waits { get; set; }

    /// <summary>What is wrong with its numbers.</summary>
    public string? Trouble =>
        Run.FirstBadIteration is { } bad && Run.State == RunState.Failed ? $"not finite from iteration {Format.Count(bad)} on" : null;

    /// <summary>What is wrong with its distance.</summary>
    public string? Exploded => Explosion.Describe(Run.Distance, Run.BestDistance);

    /// <summary>What there is to say about its state.</summary>
    public string? Note =>
        RunStates.IsWaiting(Run.State) ? Waits ?? (Run.QueuePosition is { } place ? $"No. {place} in the queue." : Run.StateReason)
        : Run.State is RunState.Failed or RunState.Paused or RunState.Stopping ? Run.StateReason
        : null;
}
