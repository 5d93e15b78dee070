using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Data.Text;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Runs.People;

/// <summary>An account as lists show it.</summary>
public sealed record AccountInfo(
    string Id,
    string Name,
    string Role,
    DateTimeOffset Created,
    DateTimeOffset? LastSignedIn,
    bool HasPassword,
    bool Disabled
);

/// <summary>
/// The outcome of a change to accounts; <paramref name="Problem"/> is null where it was made, else a sentence for the user.
/// </summary>
public sealed record AccountChange(string? Problem = null)
{
    /// <summary>The change was made.</summary>
    public static AccountChange Done { get; } = new();
}

/// <summary>
/// Accounts and their roles, for the panel and for REST. Each call is a unit of work of its own, so that a page that
/// stays open for days sees what others changed.
/// </summary>
public sealed class AccountService(IServiceScopeFactory scopes, TimeProvider clock)
{
    /// <summary>Longest name of an account.</summary>
    public const int LongestName = 64;

    // Any constant serves, as long as every node takes the same one.
    private const long ChangeLock = 0x536D_7457_6562_0002;
    private static readonly DateTimeOffset Forever = DateTimeOffset.MaxValue;

    /// <summary>All accounts, by name.</summary>
    public async Task<IReadOnlyList<AccountInfo>> ListAsync(CancellationToken ct = default)
    {
        await using var scope = scopes.CreateAsyncScope();
        var context = scope.ServiceProvider.GetRequiredService<SmtWebDbContext>();
        var roles = (
            await context.UserRoles.Join(context.Roles, r => r.RoleId, r => r.Id, (u, r) => new { u.UserId, r.Name }).ToListAsync(ct)
        ).ToLookup(r => r.UserId, r => r.Name!);
        return [.. (await context.Users.AsNoTracking().OrderBy(u => u.UserName).ToListAsync(ct)).Select(u => Describe(u, roles[u.Id]))];
    }

    /// <summary>Makes an account without a password; its owner chooses one by a one-time link.</summary>
    public async Task<(AccountInfo? Account, AccountChange Change)> CreateAsync(string name, string role, Actor by)
    {
        if (NameRule.Problem(name, LongestName) is { } wrong)
        {
            return (null, new AccountChange(wrong));
        }

        await using var scope = scopes.CreateAsyncScope();
        var context = scope.ServiceProvider.GetRequiredService<SmtWebDbContext>();
        await using var transaction = await context.Database.BeginTransactionAsync();
        var users = Users(scope);
        var user = new LabUser { UserName = name };
        var made = await users.CreateAsync(user);
        if (!made.Succeeded)
        {
            return (null, Problem(made));
        }

        var joined = await users.AddToRoleAsync(user, role);
        if (!joined.Succeeded)
        {
            return (null, Problem(joined));
        }

        AuditLog.Add(context, by, AuditActions.UserCreated, name, $"as {role}", clock.GetUtcNow());
        await context.SaveChangesAsync();
        await transaction.CommitAsync();
        return (Describe(user, [role]), AccountChange.Done);
    }

    /// <summary>Gives an account another role; sessions with the old one end at once.</summary>
    public Task<AccountChange?> SetRoleAsync(string id, string role, Actor by) =>
        ChangeAsync(
            id,
            by,
            AuditActions.RoleChanged,
            $"to {role}",
            async (users, user) =>
            {
                if (role != LabRoles.Admin && await IsLastAdminAsync(users, user))
                {
                    return new AccountChange("This is the last administrator; make another one first.");
                }

                await users.RemoveFromRolesAsync(user, await users.GetRolesAsync(user));
                var joined = await users.AddToRoleAsync(user, role);
                await users.UpdateSecurityStampAsync(user);
                return joined.Succeeded ? AccountChange.Done : Problem(joined);
            }
        );

    /// <summary>Closes an account or opens it again; sessions and keys end at once.</summary>
    public Task<AccountChange?> SetDisabledAsync(string id, bool disabled, Actor by) =>
        ChangeAsync(
            id,
            by,
            disabled ? AuditActions.UserClosed : AuditActions.UserOpened,
            "",
            async (users, user) =>
            {
                if (disabled && await IsLastAdminAsync(users, user))
                {
                    return new AccountChange("This is the last administrator; make another one first.");
                }

                user.LockoutEnabled = true;
                await users.SetLockoutEndDateAsync(user, disabled ? Forever : null);
                await users.UpdateSecurityStampAsync(user);
                return AccountChange.Done;
            }
        );

    /// <summary>Takes an account's password away; it opens only by a new one-time link, and all its sessions end.</summary>
    public Task<AccountChange?> ClearPasswordAsync(string id, Actor by) =>
        ChangeAsync(
            id,
            by,
            AuditActions.PasswordTaken,
            "",
            async (users, user) =>
            {
                await users.RemovePasswordAsync(user); // and with it the security stamp
                await users.SetLockoutEndDateAsync(user, IsDisabled(user) ? Forever : null);
                return AccountChange.Done;
            }
        );

    /// <summary>True where an administrator closed the account.</summary>
    public static bool IsDisabled(LabUser user) => IsClosed(user.LockoutEnd);

    /// <summary>True where this end of a lockout is an administrator's, and no pause after wrong passwords.</summary>
    internal static bool IsClosed(DateTimeOffset? lockoutEnd) => lockoutEnd == Forever;

    private static AccountInfo Describe(LabUser user, IEnumerable<string> roles) =>
        new(
            user.Id,
            user.UserName!,
            roles.FirstOrDefault() ?? "",
            user.Created,
            user.LastSignedIn,
            user.PasswordHash is not null,
            IsDisabled(user)
        );

    /// <summary>
    /// Null where there is no such account. Changes take turns, over all nodes: two administrators who demote each other
    /// at once must not both find that there is another one. A change that is refused or fails leaves nothing half done.
    /// </summary>
    private async Task<AccountChange?> ChangeAsync(
        string id,
        Actor by,
        string action,
        string detail,
        Func<UserManager<LabUser>, LabUser, Task<AccountChange>> change
    )
    {
        await using var scope = scopes.CreateAsyncScope();
        var context = scope.ServiceProvider.GetRequiredService<SmtWebDbContext>();
        var database = context.Database;
        await using var transaction = await database.BeginTransactionAsync();
        await database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock({ChangeLock})");
        var users = Users(scope);
        if (await users.FindByIdAsync(id) is not { } user)
        {
            return null;
        }

        var changed = await change(users, user);
        if (changed.Problem is null)
        {
            AuditLog.Add(context, by, action, user.UserName!, detail, clock.GetUtcNow());
            await context.SaveChangesAsync();
            await transaction.CommitAsync();
        }

        return changed;
    }

    private static async Task<bool> IsLastAdminAsync(UserManager<LabUser> users, LabUser user)
    {
        var admins = (await users.GetUsersInRoleAsync(LabRoles.Admin)).Where(a => !IsDisabled(a)).ToList();
        return admins.Count == 1 && admins[0].Id == user.Id;
    }

    private static UserManager<LabUser> Users(AsyncServiceScope scope) => scope.ServiceProvider.GetRequiredService<UserManager<LabUser>>();

    private static AccountChange Problem(IdentityResult result) => new(string.Join(" ", result.Errors.Select(e => e.Description)));
}
