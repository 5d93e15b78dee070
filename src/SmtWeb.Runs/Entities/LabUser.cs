using Microsoft.AspNetCore.Identity;

namespace SmtWeb.Runs.Entities;

/// <summary>A person of the lab who signs in.</summary>
public sealed class LabUser : IdentityUser
{
    /// <summary>When the account was made.</summary>
    public DateTimeOffset Created { get; set; } = DateTimeOffset.UtcNow;

    /// <summary>Last sign-in, if any.</summary>
    public DateTimeOffset? LastSignedIn { get; set; }
}
