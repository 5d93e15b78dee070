namespace SmtWeb.Runs.Entities;

/// <summary>A worker process that claims runs.</summary>
public sealed class WorkerRow
{
    /// <summary>A new one for every process.</summary>
    public Guid Id { get; set; }

    /// <summary>Host and process id, for people.</summary>
    public required string Name { get; set; }

    /// <summary>Runs it trains at a time.</summary>
    public int Slots { get; set; }

    /// <summary>When it started.</summary>
    public DateTimeOffset Started { get; set; }

    /// <summary>Last sign of life.</summary>
    public DateTimeOffset Heartbeat { get; set; }

    /// <summary>When it said goodbye; null while alive or lost.</summary>
    public DateTimeOffset? Ended { get; set; }
}
