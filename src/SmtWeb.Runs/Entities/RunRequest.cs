namespace SmtWeb.Runs.Entities;

/// <summary>What is asked of the trainer that holds a run.</summary>
public enum RunRequest
{
    /// <summary>Nothing: go on.</summary>
    None,

    /// <summary>Write a checkpoint and leave the run paused.</summary>
    Pause,

    /// <summary>Write a checkpoint and leave the run cancelled.</summary>
    Stop,

    /// <summary>Write a checkpoint and put the run back into the queue: its worker is shutting down.</summary>
    Release,
}
