using System.Diagnostics;
using Microsoft.AspNetCore.Identity;
using SmtWeb.Data.Text;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Auth;

/// <summary>
/// Whether a name and a password belong together, in a way that tells nobody which names exist: whatever the name, one
/// password is hashed, and a refusal comes after a fixed time, within which the rest of the work (which differs) is long done.
/// </summary>
internal sealed class PasswordCheck(TimeProvider clock)
{
    /// <summary>No refusal comes sooner.</summary>
    internal static readonly TimeSpan RefusalTakes = TimeSpan.FromMilliseconds(600);

    /// <summary>Nobody types more, and hashing more would cost a lot.</summary>
    internal const int LongestPassword = 1024;

    private readonly Lock _making = new();
    private string? _nobodysHash;

    /// <summary>The account where it lets in, else null.</summary>
    internal async Task<LabUser?> FindAsync(UserManager<LabUser> users, string name, string password, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        var user = NameRule.Problem(name, AccountService.LongestName) is null ? await users.FindByNameAsync(name) : null;
        var right = Matches(users.PasswordHasher, user, password.Length <= LongestPassword ? password : "");
        if (user is not null && right && password.Length is > 0 and <= LongestPassword && !await users.IsLockedOutAsync(user))
        {
            await users.ResetAccessFailedCountAsync(user);
            return user;
        }

        if (user is not null && !await users.IsLockedOutAsync(user))
        {
            await users.AccessFailedAsync(user);
        }

        if (RefusalTakes - Stopwatch.GetElapsedTime(began) is { Ticks: > 0 } rest)
        {
            await Task.Delay(rest, clock, ct);
        }

        return null;
    }

    /// <summary>One hash, whether there is an account, whether it has a password, and whether it is closed.</summary>
    private bool Matches(IPasswordHasher<LabUser> hasher, LabUser? user, string password) =>
        hasher.VerifyHashedPassword(user ?? new LabUser(), user?.PasswordHash ?? NobodysHash(hasher), password)
            != PasswordVerificationResult.Failed
        && user?.PasswordHash is not null;

    private string NobodysHash(IPasswordHasher<LabUser> hasher)
    {
        lock (_making)
        {
            return _nobodysHash ??= hasher.HashPassword(new LabUser(), Guid.NewGuid().ToString());
        }
    }
}
