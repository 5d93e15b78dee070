namespace SmtWeb.Runs.Weights;

/// <summary>How far an import is.</summary>
public enum ModelImportState
{
    /// <summary>It waits for its node.</summary>
    Queued,

    /// <summary>Its node reads and stores it.</summary>
    Running,

    /// <summary>The model is there.</summary>
    Done,

    /// <summary>There is no model; the problem says why.</summary>
    Failed,
}
