namespace SmtWeb.Web.Auth;

/// <summary>What an endpoint or a page asks of its caller.</summary>
public static class Policies
{
    /// <summary>Look at runs and draw generations: every role.</summary>
    public const string Read = nameof(Read);

    /// <summary>Change runs: Member and Admin.</summary>
    public const string Operate = nameof(Operate);

    /// <summary>Manage users: Admin.</summary>
    public const string Administer = nameof(Administer);

    /// <summary>A person who signed in on the site, not an API key: own keys and password.</summary>
    public const string Person = nameof(Person);
}
