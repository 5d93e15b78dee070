namespace SmtWeb.Runs;

/// <summary>State of a run as people see it.</summary>
public enum RunState
{
    /// <summary>Waits for a worker.</summary>
    Queued,

    /// <summary>Claimed; the trainer process is loading.</summary>
    Starting,

    /// <summary>Training.</summary>
    Running,

    /// <summary>Asked to pause or stop; the trainer is writing its checkpoint.</summary>
    Stopping,

    /// <summary>Left with a checkpoint; goes on when resumed.</summary>
    Paused,

    /// <summary>The trainer was lost; waits to go on from the last checkpoint.</summary>
    Recovering,

    /// <summary>All iterations done.</summary>
    Finished,

    /// <summary>Ended by an error; the reason is on the run.</summary>
    Failed,

    /// <summary>Ended by a user before its last iteration.</summary>
    Cancelled,
}
