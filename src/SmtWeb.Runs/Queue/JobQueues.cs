using System.Security.Cryptography;
using System.Text;
using Hangfire.Common;

namespace SmtWeb.Runs.Queue;

/// <summary>The queues of Hangfire whose next job is chosen by our own tables, and the calls that stand in them.</summary>
public static class JobQueues
{
    /// <summary>Training, one job per episode of a run.</summary>
    public const string Training = "gpu";

    /// <summary>Checkpoints to measure.</summary>
    public const string Evaluations = "evaluations";

    /// <summary>Data sets to check.</summary>
    public const string Datasets = "datasets";

    /// <summary>Large generations, drawn by any node that has models.</summary>
    public const string Generations = "generations";

    /// <summary>Short recurring work, on Hangfire's own kind of queue: whichever node takes it, twice does no harm.</summary>
    public const string Housekeeping = "default";

    /// <summary>Queues of ours that any node of a kind serves.</summary>
    public static IReadOnlyList<string> Shared { get; } = [Training, Evaluations, Datasets, Generations];

    private const string NeighboursOf = "neighbours-";
    private const string ImportsOf = "imports-";

    /// <summary>Beginnings of the queues that a node has for itself.</summary>
    public static IReadOnlyList<string> OfNodes { get; } = [NeighboursOf, ImportsOf];

    /// <summary>Name of this machine with a folder of it, for queues of work that needs what lies there.</summary>
    public static string NodeOf(string folder) =>
        $"{Environment.MachineName}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Path.GetFullPath(folder))))[..8]}";

    /// <summary>Indexes of neighbours for <paramref name="node"/>, in whose folder they lie.</summary>
    public static string Neighbours(string node) => NeighboursOf + Plain(node);

    /// <summary>Imports of weights by <paramref name="node"/>, in whose folder they lie.</summary>
    public static string Imports(string node) => ImportsOf + Plain(node);

    /// <summary>The call that trains a run; <paramref name="name"/> is for the page of jobs.</summary>
    internal static Job Train(long runId, string name) => Job.FromExpression<ITrainingJobs>(jobs => jobs.TrainAsync(runId, name, null));

    /// <summary>The call that does a work item of <paramref name="queue"/>.</summary>
    internal static Job Do(string queue, long subject, string what) =>
        queue switch
        {
            Evaluations => Job.FromExpression<IEvaluationJobs>(jobs => jobs.EvaluateAsync(subject, what, null)),
            Datasets => Job.FromExpression<IDatasetJobs>(jobs => jobs.CheckAsync(subject, what, null)),
            Generations => Job.FromExpression<IGenerationJobs>(jobs => jobs.DrawAsync(subject, what, null)),
            _ when queue.StartsWith(NeighboursOf, StringComparison.Ordinal) => Job.FromExpression<INeighbourJobs>(jobs =>
                jobs.MeasureAsync(subject, what, null)
            ),
            _ when queue.StartsWith(ImportsOf, StringComparison.Ordinal) => Job.FromExpression<IImportJobs>(jobs =>
                jobs.ImportAsync(subject, what, null)
            ),
            _ => throw new ArgumentException($"There is no work in a queue '{queue}'.", nameof(queue)),
        };

    private static string Plain(string node) =>
        string.Concat(node.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-'));
}
