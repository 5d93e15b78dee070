namespace SmtWeb.Runs.Entities;

/// <summary>One line of the audit log.</summary>
public sealed class AuditRow
{
    /// <summary>Identity; rises with time.</summary>
    public long Id { get; set; }

    /// <summary>When it happened.</summary>
    public DateTimeOffset At { get; set; }

    /// <summary>What happened, as <see cref="People.AuditActions"/> names it.</summary>
    public required string Action { get; set; }

    /// <summary>The account that did it, or that somebody tried to be.</summary>
    public required string Actor { get; set; }

    /// <summary>The key that was used, where it was one.</summary>
    public long? KeyId { get; set; }

    /// <summary>Network address that it came from, where that is known.</summary>
    public string? Address { get; set; }

    /// <summary>What it was done to: an account, a key, a run.</summary>
    public required string Subject { get; set; }

    /// <summary>More in words, or empty.</summary>
    public required string Detail { get; set; }
}
