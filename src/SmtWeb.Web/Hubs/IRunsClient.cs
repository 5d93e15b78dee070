using SmtWeb.Runs;

namespace SmtWeb.Web.Hubs;

/// <summary>
/// What the hub <c>/hubs/runs</c> sends to clients that joined a run. The messages are those of <see cref="IRunFeed"/>;
/// numbers that are not finite arrive as the strings <c>NaN</c>, <c>Infinity</c>, <c>-Infinity</c>.
/// </summary>
public interface IRunsClient
{
    /// <summary>New points of the curves.</summary>
    Task MetricBatch(MetricBatchMessage message, CancellationToken ct);

    /// <summary>Points after an iteration were superseded by a new attempt: load the curves again.</summary>
    Task CurvesRewound(CurvesRewoundMessage message, CancellationToken ct);

    /// <summary>A distance was measured.</summary>
    Task Evaluation(EvaluationMessage message, CancellationToken ct);

    /// <summary>A sample grid or scatter picture can be fetched.</summary>
    Task GridReady(GridReadyMessage message, CancellationToken ct);

    /// <summary>An interpolation strip can be fetched.</summary>
    Task InterpolationReady(InterpolationReadyMessage message, CancellationToken ct);

    /// <summary>A checkpoint is complete.</summary>
    Task Checkpoint(CheckpointMessage message, CancellationToken ct);

    /// <summary>State, progress or queue position changed.</summary>
    Task StateChange(StateChangeMessage message, CancellationToken ct);

    /// <summary>A line was added to the log.</summary>
    Task Log(LogMessage message, CancellationToken ct);
}
