using SmtWeb.Smt.Session;

namespace SmtWeb.Runs.Attempts;

/// <summary>
/// What a trainer wrote in some 100 ms, stored in one transaction. <paramref name="Number"/> rises by one within the
/// attempt: a batch repeated after a broken connection is recognised by it and not stored twice.
/// </summary>
public sealed record JournalBatch(
    long Number,
    IReadOnlyList<MetricPoint> Metrics,
    IReadOnlyList<PictureRecord> Pictures,
    IReadOnlyList<EvaluationRecord> Evaluations,
    IReadOnlyList<JournalLine> Lines
);

/// <summary>A log line of a trainer.</summary>
public sealed record JournalLine(LogLevel Level, string Message);
