namespace SmtWeb.Runs.Generations;

/// <summary>How far a batch is.</summary>
public enum GenerationBatchState
{
    /// <summary>It waits for a node.</summary>
    Queued,

    /// <summary>A node draws it.</summary>
    Running,

    /// <summary>All images are there.</summary>
    Done,

    /// <summary>It could not be drawn; the problem says why.</summary>
    Failed,
}
