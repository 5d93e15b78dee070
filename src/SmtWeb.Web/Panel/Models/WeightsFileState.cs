using SmtWeb.Runs.Weights;

namespace SmtWeb.Web.Panel.Models;

/// <summary>A file in the folder, and its import: the newest that somebody asked for.</summary>
public sealed record WeightsFileState(string FileName, long Bytes, DateTimeOffset Changed, ModelImport? Import)
{
    /// <summary>Why there is no model of it, after an import that failed.</summary>
    public string? Problem => Import?.Problem;

    /// <summary>It is being imported, or waits for it.</summary>
    public bool Busy => Import?.IsOpen == true;
}
