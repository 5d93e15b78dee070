namespace SmtWeb.Runs.People;

/// <summary>Who does something: an account, by which key if by one, and from where as far as that is known.</summary>
public sealed record Actor(string Name, long? KeyId = null, string? Address = null)
{
    /// <summary>The server itself.</summary>
    public static Actor Server { get; } = new("(server)");
}
