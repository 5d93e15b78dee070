namespace SmtWeb.Runs.People;

/// <summary>What a key may do. A key does what its scopes say and its owner may, whichever is less.</summary>
public static class KeyScopes
{
    /// <summary>Look at everything that a reviewer sees.</summary>
    public const string Read = "read";

    /// <summary>Draw images.</summary>
    public const string Generate = "generate";

    /// <summary>Queue runs, change own ones, register data sets, queue evaluations.</summary>
    public const string Run = "run";

    /// <summary>
    /// Look at accounts, keys and the audit log, close accounts, delete models, change the runs of others. Never what would
    /// outlast the key: links, keys, accounts and roles are made by people who signed in.
    /// </summary>
    public const string Administer = "administer";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } = [Read, Generate, Run, Administer];

    /// <summary>What a key may do whose maker did not say.</summary>
    public static IReadOnlyList<string> Usual { get; } = [Read, Generate, Run];
}
