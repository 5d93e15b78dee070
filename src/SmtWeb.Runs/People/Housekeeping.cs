namespace SmtWeb.Runs.People;

/// <summary>
/// Removes what has outlived its time: trash, audit lines, sessions, answers, sign-in links. Any node may, at any time, more than one at
/// once.
/// </summary>
public sealed class Housekeeping(IRunStore runs, AuditLog audit, SessionService sessions, AnswerStore answers, OneTimeLinks links)
{
    /// <summary>Does it once.</summary>
    public async Task PurgeAsync(CancellationToken ct = default)
    {
        await runs.PurgeTrashAsync(ct);
        await audit.PurgeAsync(ct);
        await sessions.PurgeAsync(ct);
        await answers.PurgeAsync(ct);
        await links.RemoveExpiredAsync(ct);
    }
}
