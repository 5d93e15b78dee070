namespace SmtWeb.Runs.Entities;

/// <summary>
/// Work other than training that waits or runs: an evaluation, the check of a data set, an index of neighbours. The row is
/// there exactly as long as the work is open; what came of it stands where it belongs, and its history in Hangfire.
/// </summary>
public sealed class WorkItemRow
{
    /// <summary>Identity; older work goes first.</summary>
    public long Id { get; set; }

    /// <summary>Queue, which is also the kind of work (<see cref="Queue.JobQueues"/>).</summary>
    public required string Queue { get; set; }

    /// <summary>What it is about: the id of the evaluation, data set or run.</summary>
    public long Subject { get; set; }

    /// <summary>Its Hangfire job.</summary>
    public long JobId { get; set; }

    /// <summary>The run it belongs to, whose priority it takes and with which it goes.</summary>
    public long? RunId { get; set; }

    /// <summary>Number of the newest attempt: the fencing token of every write.</summary>
    public int Attempt { get; set; }

    /// <summary>Attempts lost.</summary>
    public int Losses { get; set; }

    /// <summary>The attempt is taken for lost when this passes; null while the work waits.</summary>
    public DateTimeOffset? LeaseUntil { get; set; }

    /// <summary>Worker that has it, in words.</summary>
    public string? Worker { get; set; }
}
