using SmtWeb.Smt.Session;

namespace SmtWeb.Runs.Entities;

/// <summary>A point of a curve. Ids rise within a run in commit order, because every writer holds the run's row.</summary>
public sealed class MetricRow
{
    /// <summary>The run.</summary>
    public long RunId { get; set; }

    /// <summary>Sequence number.</summary>
    public long Id { get; set; }

    /// <summary>Attempt that wrote it.</summary>
    public int Attempt { get; set; }

    /// <summary>Name of the curve.</summary>
    public required string Name { get; set; }

    /// <summary>Iteration, warm-up included.</summary>
    public long Iteration { get; set; }

    /// <summary>Real samples seen.</summary>
    public long ImagesSeen { get; set; }

    /// <summary>Seconds spent in the run.</summary>
    public double Seconds { get; set; }

    /// <summary>Value; NaN and infinities are kept.</summary>
    public double Value { get; set; }

    /// <summary>A later attempt went on from before this point.</summary>
    public bool Superseded { get; set; }
}

/// <summary>A picture with its PNG.</summary>
public sealed class PictureRow
{
    /// <summary>Identity.</summary>
    public long Id { get; set; }

    /// <summary>The run.</summary>
    public long RunId { get; set; }

    /// <summary>Attempt that drew it.</summary>
    public int Attempt { get; set; }

    /// <summary>What it shows.</summary>
    public PictureKind Kind { get; set; }

    /// <summary>Iteration, warm-up included.</summary>
    public long Iteration { get; set; }

    /// <summary>Real samples seen.</summary>
    public long ImagesSeen { get; set; }

    /// <summary>Rows of cells.</summary>
    public int Rows { get; set; }

    /// <summary>Columns of cells.</summary>
    public int Columns { get; set; }

    /// <summary>Side of a cell in pixels; 0 for a plot.</summary>
    public int CellSize { get; set; }

    /// <summary>Class names, one a row, or empty.</summary>
    public required string[] RowLabels { get; set; }

    /// <summary>The PNG.</summary>
    public required byte[] Png { get; set; }

    /// <summary>A later attempt went on from before this picture.</summary>
    public bool Superseded { get; set; }
}

/// <summary>A stored evaluation.</summary>
public sealed class EvaluationRow
{
    /// <summary>Identity.</summary>
    public long Id { get; set; }

    /// <summary>The run.</summary>
    public long RunId { get; set; }

    /// <summary>Attempt that measured it.</summary>
    public int Attempt { get; set; }

    /// <summary>When.</summary>
    public DateTimeOffset At { get; set; }

    /// <summary>Name of the distance.</summary>
    public required string Metric { get; set; }

    /// <summary>The distance.</summary>
    public double Value { get; set; }

    /// <summary>Iteration, warm-up included.</summary>
    public long Iteration { get; set; }

    /// <summary>The whole <see cref="EvaluationRecord"/> (jsonb).</summary>
    public required string Record { get; set; }

    /// <summary>A later attempt went on from before this evaluation.</summary>
    public bool Superseded { get; set; }

    /// <summary>
    /// Whether it is the run's own distance, by which its checkpoints are ranked; one that a person asked for, by another
    /// protocol, is not.
    /// </summary>
    public bool Ranks { get; set; } = true;
}

/// <summary>A log line or a state change.</summary>
public sealed class EventRow
{
    /// <summary>Identity; rises within a run.</summary>
    public long Id { get; set; }

    /// <summary>The run.</summary>
    public long RunId { get; set; }

    /// <summary>Attempt it belongs to; 0 before the first.</summary>
    public int Attempt { get; set; }

    /// <summary>When.</summary>
    public DateTimeOffset At { get; set; }

    /// <summary>Severity.</summary>
    public LogLevel Level { get; set; }

    /// <summary>The line.</summary>
    public required string Message { get; set; }

    /// <summary>The new state, if this is a state change.</summary>
    public RunState? State { get; set; }
}
