namespace SmtWeb.Runs.People;

/// <summary>One line of the audit log.</summary>
public sealed record AuditEntry(
    long Id,
    DateTimeOffset At,
    string Action,
    string Actor,
    long? KeyId,
    string? Address,
    string Subject,
    string Detail
);
