using SmtWeb.Measures;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Worker.Evaluation;

/// <summary>Where and how training images are measured for their neighbours.</summary>
public sealed record NeighbourOptions
{
    /// <summary>Folder of the Inception network and of what was measured.</summary>
    public string Folder { get; init; } = MetricsFolder.Default;

    /// <summary>CPU threads of the measuring.</summary>
    public int Threads { get; init; } = 2;

    /// <summary>The queue of this node and folder: the index lies in the folder, and only who has it can use it.</summary>
    public string Queue => JobQueues.Neighbours(JobQueues.NodeOf(Folder));

    /// <summary>Program and leading arguments; null: this same program.</summary>
    public IReadOnlyList<string>? Program { get; init; }
}
