using SmtWeb.Runs.Queue;

namespace SmtWeb.Worker.Imports;

/// <summary>Where a node finds files of weights.</summary>
/// <param name="Folder">The folder that the operator puts them into.</param>
public sealed record ImportOptions(string Folder)
{
    /// <summary>The queue of this node and folder: only who has the file can read it.</summary>
    public string Queue => JobQueues.Imports(JobQueues.NodeOf(Folder));
}
