namespace SmtWeb.Runs;

/// <summary>
/// Live changes of runs on this node, whichever node made them: PostgreSQL NOTIFY wakes the feed, it reads what is
/// new once, and hands it to every subscriber. Pages and the SignalR hub use this same feed.
/// </summary>
public interface IRunFeed
{
    /// <summary>
    /// Calls <paramref name="handler"/> for every change of run <paramref name="runId"/> from now on (null: of every
    /// run, states and evaluations only), in order, never concurrently for one subscription. Disposing ends it.
    /// A handler that throws is dropped and logged.
    /// </summary>
    IAsyncDisposable Subscribe(long? runId, Func<RunMessage, Task> handler);
}

/// <summary>A change of a run.</summary>
public abstract record RunMessage(long RunId);

/// <summary>New points of the curves.</summary>
public sealed record MetricBatchMessage(long RunId, IReadOnlyList<StoredMetric> Points) : RunMessage(RunId);

/// <summary>Points written after the checkpoint that a new attempt went on from are superseded: reload the curves.</summary>
public sealed record CurvesRewoundMessage(long RunId, long ToIteration) : RunMessage(RunId);

/// <summary>A new evaluation.</summary>
public sealed record EvaluationMessage(long RunId, RunEvaluation Evaluation) : RunMessage(RunId);

/// <summary>A new sample grid or scatter picture.</summary>
public sealed record GridReadyMessage(long RunId, RunPicture Picture) : RunMessage(RunId);

/// <summary>A new interpolation strip.</summary>
public sealed record InterpolationReadyMessage(long RunId, RunPicture Picture) : RunMessage(RunId);

/// <summary>A new complete checkpoint.</summary>
public sealed record CheckpointMessage(long RunId, RunCheckpoint Checkpoint) : RunMessage(RunId);

/// <summary>The state, progress or queue position changed (also: created, deleted).</summary>
public sealed record StateChangeMessage(long RunId, RunSummary? Summary) : RunMessage(RunId);

/// <summary>A new log line.</summary>
public sealed record LogMessage(long RunId, RunEvent Event) : RunMessage(RunId);
