namespace SmtWeb.Runs.Entities;

/// <summary>The answer to a request that carried an <c>Idempotency-Key</c>, for the case that it comes again.</summary>
public sealed class AnswerRow
{
    /// <summary>Who asked: an account's id.</summary>
    public required string OwnerId { get; set; }

    /// <summary>What the caller calls the request.</summary>
    public required string Key { get; set; }

    /// <summary>SHA-256 of method, path and body, lower-case hex: another request under the same name is refused.</summary>
    public required string Request { get; set; }

    /// <summary>When it came first.</summary>
    public DateTimeOffset Created { get; set; }

    /// <summary>Status of the answer; null while the request is still at work.</summary>
    public int? Status { get; set; }

    /// <summary>The answer's <c>Location</c>.</summary>
    public string? Location { get; set; }

    /// <summary>The answer's <c>Content-Type</c>.</summary>
    public string? ContentType { get; set; }

    /// <summary>The answer's body.</summary>
    public byte[]? Body { get; set; }
}
