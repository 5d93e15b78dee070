namespace SmtWeb.Runs.Weights;

/// <summary>
/// An import of weights. <paramref name="Name"/> is that of the model, null: the file's. <paramref name="Bytes"/> are stored so far.
/// </summary>
public sealed record ModelImport(
    long Id,
    string File,
    string? Name,
    string By,
    ModelImportState State,
    long Bytes,
    string? Problem,
    DateTimeOffset Created
)
{
    /// <summary>It waits or is going on.</summary>
    public bool IsOpen => State is ModelImportState.Queued or ModelImportState.Running;
}
