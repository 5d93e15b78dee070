namespace SmtWeb.Runs.Entities;

/// <summary>A key for REST. The secret itself is shown once and never stored.</summary>
public sealed class ApiKey
{
    /// <summary>Identity of the row.</summary>
    public long Id { get; set; }

    /// <summary>The <see cref="LabUser"/> whose rights the key has.</summary>
    public required string OwnerId { get; set; }

    /// <summary>The owner.</summary>
    public LabUser? Owner { get; set; }

    /// <summary>What the owner calls it.</summary>
    public required string Name { get; set; }

    /// <summary>SHA-256 of the secret, lower-case hex.</summary>
    public required string Hash { get; set; }

    /// <summary>First characters of the secret, to tell keys apart in a list.</summary>
    public required string Prefix { get; set; }

    /// <summary>When it was made.</summary>
    public DateTimeOffset Created { get; set; }

    /// <summary>What it may do, as <see cref="People.KeyScopes"/> names it; never more than its owner.</summary>
    public string[] Scopes { get; set; } = [];

    /// <summary>When it stops opening anything; null for keys of the time before keys ended.</summary>
    public DateTimeOffset? Expires { get; set; }

    /// <summary>When it last opened a door.</summary>
    public DateTimeOffset? LastUsed { get; set; }

    /// <summary>When it was revoked; a revoked key opens nothing.</summary>
    public DateTimeOffset? Revoked { get; set; }
}
