namespace SmtWeb.Web.Auth;

/// <summary>What an endpoint or a page asks of its caller.</summary>
public static class Policies
{
    /// <summary>Look: every role; keys with the scope <c>read</c>.</summary>
    public const string Read = nameof(Read);

    /// <summary>Draw images: every role; keys with the scope <c>generate</c>.</summary>
    public const string Generate = nameof(Generate);

    /// <summary>Queue runs and change own ones: Member and Admin; keys with the scope <c>run</c>.</summary>
    public const string Operate = nameof(Operate);

    /// <summary>See accounts and the audit log, close accounts, delete models: Admin; keys with the scope <c>administer</c>.</summary>
    public const string Administer = nameof(Administer);

    /// <summary>
    /// Make accounts, roles and sign-in links, which would outlast any key: an Admin who signed in on the site, never a key.
    /// </summary>
    public const string Appoint = nameof(Appoint);

    /// <summary>A person who signed in on the site, not an API key: own keys and password.</summary>
    public const string Person = nameof(Person);
}
