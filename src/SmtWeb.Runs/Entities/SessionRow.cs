namespace SmtWeb.Runs.Entities;

/// <summary>
/// A sign-in that lasts. The cookie carries its id; where the row is gone, so is the session, on whichever machine a copy
/// of the cookie lies.
/// </summary>
public sealed class SessionRow
{
    /// <summary>128 random bits; no secret by itself, for the cookie around it is encrypted.</summary>
    public Guid Id { get; set; }

    /// <summary>Whose session it is.</summary>
    public required string UserId { get; set; }

    /// <summary>When it began.</summary>
    public DateTimeOffset Created { get; set; }

    /// <summary>When it was last used, to the hour.</summary>
    public DateTimeOffset Seen { get; set; }
}
