namespace SmtWeb.Runs.People;

/// <summary>What the audit log tells of.</summary>
public static class AuditActions
{
    /// <summary>Somebody came in, by password, link or the lab's own sign-in.</summary>
    public const string SignedIn = "signed-in";

    /// <summary>Somebody did not come in.</summary>
    public const string SignInFailed = "sign-in-failed";

    /// <summary>Somebody left.</summary>
    public const string SignedOut = "signed-out";

    /// <summary>An account has another password.</summary>
    public const string PasswordChanged = "password-changed";

    /// <summary>An account has no password any more.</summary>
    public const string PasswordTaken = "password-taken";

    /// <summary>A link was made that lets an account in once.</summary>
    public const string LinkMade = "link-made";

    /// <summary>An account was made.</summary>
    public const string UserCreated = "user-created";

    /// <summary>An account has another role.</summary>
    public const string RoleChanged = "role-changed";

    /// <summary>An account was closed.</summary>
    public const string UserClosed = "user-closed";

    /// <summary>An account was opened again.</summary>
    public const string UserOpened = "user-opened";

    /// <summary>A key was made.</summary>
    public const string KeyMade = "key-made";

    /// <summary>A key was revoked.</summary>
    public const string KeyRevoked = "key-revoked";

    /// <summary>A run was put into the trash.</summary>
    public const string RunDeleted = "run-deleted";

    /// <summary>A run was taken out of the trash.</summary>
    public const string RunRestored = "run-restored";

    /// <summary>A run was deleted for good.</summary>
    public const string RunPurged = "run-purged";

    /// <summary>A model was deleted.</summary>
    public const string ModelDeleted = "model-deleted";

    /// <summary>A data set was forgotten.</summary>
    public const string DatasetForgotten = "dataset-forgotten";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        SignedIn,
        SignInFailed,
        SignedOut,
        PasswordChanged,
        PasswordTaken,
        LinkMade,
        UserCreated,
        RoleChanged,
        UserClosed,
        UserOpened,
        KeyMade,
        KeyRevoked,
        RunDeleted,
        RunRestored,
        RunPurged,
        ModelDeleted,
        DatasetForgotten,
    ];
}
