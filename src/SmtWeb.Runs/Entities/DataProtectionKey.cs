namespace SmtWeb.Runs.Entities;

/// <summary>A data protection key; kept in the database so that sign-in cookies outlive a restart and hold on every node.</summary>
public sealed class DataProtectionKey
{
    /// <summary>Identity of the row.</summary>
    public int Id { get; set; }

    /// <summary>The name that the key ring gave it; unique.</summary>
    public required string FriendlyName { get; set; }

    /// <summary>The key as XML.</summary>
    public required string Xml { get; set; }
}
