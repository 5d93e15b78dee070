namespace SmtWeb.Runs.Entities;

/// <summary>Names of the roles.</summary>
public static class LabRoles
{
    /// <summary>Manages people and everything a member does.</summary>
    public const string Admin = "Admin";

    /// <summary>Starts, stops and compares runs.</summary>
    public const string Member = "Member";

    /// <summary>Looks at runs and samples, changes nothing.</summary>
    public const string Reviewer = "Reviewer";

    /// <summary>All of them, the mightiest first.</summary>
    public static IReadOnlyList<string> All { get; } = [Admin, Member, Reviewer];
}
