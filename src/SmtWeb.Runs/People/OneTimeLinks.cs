using System.Globalization;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Runs.People;

/// <summary>
/// Links that let an account in once: printed to the operator's console at start, or made by an administrator for a new
/// or forgetful member. The database keeps the token's hash and its end; using the link deletes the row, so of two
/// simultaneous uses one wins.
/// </summary>
public sealed class OneTimeLinks(IDbContextFactory<SmtWebDbContext> contexts, TimeProvider clock)
{
    /// <summary>Path of the page that takes the token.</summary>
    public const string Page = "/sign-in/once";

    /// <summary>How long a link can be used.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);

    private const string Provider = "SmtWeb";
    private const string NamePrefix = "one-time-link:";

    /// <summary>Makes a link; returns path and query, for the caller knows under which address the site is reached.</summary>
    public async Task<string> CreateAsync(string userId, Actor by, CancellationToken ct = default)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        await RemoveExpiredAsync(context, ct);
        var token = Secrets.Create();
        context.UserTokens.Add(
            new IdentityUserToken<string>
            {
                UserId = userId,
                LoginProvider = Provider,
                Name = NamePrefix + Secrets.Hash(token),
                Value = (clock.GetUtcNow() + Lifetime).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
            }
        );
        var name = await context.Users.Where(u => u.Id == userId).Select(u => u.UserName).SingleAsync(ct);
        AuditLog.Add(context, by, AuditActions.LinkMade, name!, "", clock.GetUtcNow());
        await context.SaveChangesAsync(ct);
        return $"{Page}?token={token}";
    }

    /// <summary>Whom a token lets in, without using it up; null where it is used, expired or made up.</summary>
    public async Task<LabUser?> PeekAsync(string token, CancellationToken ct)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        var row = await Rows(context, token).AsNoTracking().SingleOrDefaultAsync(ct);
        return row is null || IsExpired(row) ? null : await context.Users.AsNoTracking().SingleAsync(u => u.Id == row.UserId, ct);
    }

    /// <summary>Uses a token up; true for exactly one caller.</summary>
    public async Task<bool> UseAsync(string token, CancellationToken ct)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        var row = await Rows(context, token).AsNoTracking().SingleOrDefaultAsync(ct);
        return row is not null && await Rows(context, token).ExecuteDeleteAsync(ct) == 1 && !IsExpired(row);
    }

    /// <summary>Removes the links that can no longer be used; returns how many.</summary>
    public async Task<int> RemoveExpiredAsync(CancellationToken ct = default)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        await RemoveExpiredAsync(context, ct);
        return await context.SaveChangesAsync(ct);
    }

    /// <summary>Takes back every link of an account that nobody used yet: whoever has one could come in past a new password.</summary>
    public async Task RevokeAllAsync(string userId, CancellationToken ct = default)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        await context
            .UserTokens.Where(t => t.UserId == userId && t.LoginProvider == Provider && t.Name.StartsWith(NamePrefix))
            .ExecuteDeleteAsync(ct);
    }

    private static IQueryable<IdentityUserToken<string>> Rows(SmtWebDbContext context, string token)
    {
        var name = NamePrefix + Secrets.Hash(token);
        return context.UserTokens.Where(t => t.LoginProvider == Provider && t.Name == name);
    }

    private async Task RemoveExpiredAsync(SmtWebDbContext context, CancellationToken ct)
    {
        foreach (
            var row in await context.UserTokens.Where(t => t.LoginProvider == Provider && t.Name.StartsWith(NamePrefix)).ToListAsync(ct)
        )
        {
            if (IsExpired(row))
            {
                context.UserTokens.Remove(row);
            }
        }
    }

    private bool IsExpired(IdentityUserToken<string> row) =>
        !long.TryParse(row.Value, CultureInfo.InvariantCulture, out var end) || clock.GetUtcNow().ToUnixTimeSeconds() >= end;
}
