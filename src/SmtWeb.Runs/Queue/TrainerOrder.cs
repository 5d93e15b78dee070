using SmtWeb.Runs.Entities;

namespace SmtWeb.Runs.Queue;

/// <summary>
/// What is asked of a trainer, and why: one fact, handed on whole. A trainer that leaves knows from it what for, whatever
/// becomes of the connection, the worker or the database meanwhile.
/// </summary>
public sealed record TrainerOrder(RunRequest Request, string Why)
{
    /// <summary>Go on.</summary>
    public static TrainerOrder GoOn { get; } = new(RunRequest.None, "");

    /// <summary>Which of two orders holds: what a person asked goes before what befell the worker, and ending before pausing.</summary>
    public int Rank =>
        Request switch
        {
            RunRequest.None => 0,
            RunRequest.Release => 1,
            RunRequest.Pause => 2,
            RunRequest.Stop => 3,
        };
}
