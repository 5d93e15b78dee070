using Microsoft.EntityFrameworkCore;
using SmtWeb.Data.Text;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Runs.People;

/// <summary>A key as lists show it: never the secret.</summary>
public sealed record ApiKeyInfo(
    long Id,
    string Name,
    string Prefix,
    string Owner,
    IReadOnlyList<string> Scopes,
    DateTimeOffset Created,
    DateTimeOffset? Expires,
    DateTimeOffset? LastUsed,
    DateTimeOffset? Revoked
);

/// <summary>A new key. <paramref name="Secret"/> is shown this once.</summary>
public sealed record NewApiKey(ApiKeyInfo Key, string Secret);

/// <summary>The owner of a key that opened a door.</summary>
public sealed record ApiKeyOwner(long KeyId, string UserId, string UserName, IReadOnlyList<string> Roles, IReadOnlyList<string> Scopes);

/// <summary>
/// API keys: <c>smt_</c> and 256 random bits, stored as a hash, with an end, and with those of the rights that their owner has now which
/// their scopes name.
/// </summary>
public sealed class ApiKeyService(IDbContextFactory<SmtWebDbContext> contexts, TimeProvider clock)
{
    /// <summary>How every key begins, so that one that lies where it should not is recognised.</summary>
    public const string Prefix = "smt_";

    /// <summary>Longest name of a key.</summary>
    public const int LongestName = 100;

    /// <summary>Days that a key works at most.</summary>
    public const int MostDays = 3650;

    /// <summary>Days that a key works unless its maker says something else.</summary>
    public const int UsualDays = 365;

    private static readonly TimeSpan LastUsedGrain = TimeSpan.FromMinutes(1);

    /// <summary>Makes a key for a user, with the usual scopes and end unless others are given.</summary>
    /// <exception cref="ArgumentException">The name, a scope or the number of days cannot be used; says why.</exception>
    public async Task<NewApiKey> CreateAsync(
        string ownerId,
        string name,
        Actor by,
        IReadOnlyCollection<string>? scopes = null,
        int days = UsualDays,
        CancellationToken ct = default
    )
    {
        name = NameRule.Trim(name);
        if (NameRule.Problem(name, LongestName) is { } problem)
        {
            throw new ArgumentException(problem, nameof(name));
        }

        string[] wanted = [.. KeyScopes.All.Where((scopes ?? KeyScopes.Usual).Contains)];
        if (wanted.Length == 0 || (scopes ?? []).Except(KeyScopes.All).Any())
        {
            throw new ArgumentException(
                $"A key needs at least one of the scopes {string.Join(", ", KeyScopes.All)}, and no other.",
                nameof(scopes)
            );
        }

        if (days is < 1 or > MostDays)
        {
            throw new ArgumentException($"A key works for 1 to {MostDays} days, not {days}.", nameof(days));
        }

        await using var context = await contexts.CreateDbContextAsync(ct);
        var owner = await context.Users.AsNoTracking().SingleAsync(u => u.Id == ownerId, ct);
        var secret = Prefix + Secrets.Create();
        var now = clock.GetUtcNow();
        var key = new ApiKey
        {
            OwnerId = ownerId,
            Name = name,
            Hash = Secrets.Hash(secret),
            Prefix = secret[..(Prefix.Length + 6)],
            Created = now,
            Scopes = wanted,
            Expires = now.AddDays(days),
        };
        context.ApiKeys.Add(key);
        AuditLog.Add(
            context,
            by,
            AuditActions.KeyMade,
            name,
            $"{key.Prefix}… of {owner.UserName} ({string.Join(", ", wanted)}) for {days} days",
            now
        );
        await context.SaveChangesAsync(ct);
        return new NewApiKey(
            new ApiKeyInfo(key.Id, name, key.Prefix, owner.UserName!, wanted, key.Created, key.Expires, null, null),
            secret
        );
    }

    /// <summary>Keys of one user, or of everybody (null), newest first.</summary>
    public async Task<IReadOnlyList<ApiKeyInfo>> ListAsync(string? ownerId, CancellationToken ct = default)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        return await context
            .ApiKeys.Where(k => ownerId == null || k.OwnerId == ownerId)
            .OrderByDescending(k => k.Id)
            .Select(k => new ApiKeyInfo(k.Id, k.Name, k.Prefix, k.Owner!.UserName!, k.Scopes, k.Created, k.Expires, k.LastUsed, k.Revoked))
            .ToListAsync(ct);
    }

    /// <summary>Revokes a key, of <paramref name="ownerId"/> only unless that is null; false where there is no such key in use.</summary>
    public async Task<bool> RevokeAsync(long id, string? ownerId, Actor by, CancellationToken ct = default)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        var now = clock.GetUtcNow();
        await using var transaction = await context.Database.BeginTransactionAsync(ct);
        if (
            await context
                .ApiKeys.Where(k => k.Id == id && k.Revoked == null && (ownerId == null || k.OwnerId == ownerId))
                .ExecuteUpdateAsync(k => k.SetProperty(x => x.Revoked, now), ct) == 0
        )
        {
            return false;
        }

        var key = await context.ApiKeys.AsNoTracking().Include(k => k.Owner).SingleAsync(k => k.Id == id, ct);
        AuditLog.Add(context, by, AuditActions.KeyRevoked, key.Name, $"{key.Prefix}… of {key.Owner!.UserName}", now);
        await context.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    /// <summary>Whether a key that opened a door would still open it.</summary>
    public async Task<bool> IsOpenAsync(long id, CancellationToken ct)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        var key = await context.ApiKeys.AsNoTracking().Include(k => k.Owner).SingleOrDefaultAsync(k => k.Id == id && k.Revoked == null, ct);
        return key?.Owner is { } owner && !AccountService.IsDisabled(owner) && !(key.Expires <= clock.GetUtcNow());
    }

    /// <summary>Whose key this is, with the roles of now; null for keys that are unknown, revoked, over, or of a closed account.</summary>
    public async Task<ApiKeyOwner?> FindOwnerAsync(string secret, CancellationToken ct)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        var hash = Secrets.Hash(secret);
        var now = clock.GetUtcNow();
        var key = await context
            .ApiKeys.AsNoTracking()
            .Include(k => k.Owner)
            .SingleOrDefaultAsync(k => k.Hash == hash && k.Revoked == null, ct);
        if (key?.Owner is not { } owner || AccountService.IsDisabled(owner) || key.Expires <= now)
        {
            return null;
        }

        var roles = await context
            .UserRoles.Where(r => r.UserId == owner.Id)
            .Join(context.Roles, r => r.RoleId, r => r.Id, (_, r) => r.Name!)
            .ToListAsync(ct);
        if (key.LastUsed is null || now - key.LastUsed > LastUsedGrain)
        {
            // once a minute is enough to see whether a key is in use, and spares a write per request
            await context.ApiKeys.Where(k => k.Id == key.Id).ExecuteUpdateAsync(k => k.SetProperty(x => x.LastUsed, now), ct);
        }

        return new ApiKeyOwner(key.Id, owner.Id, owner.UserName!, roles, key.Scopes);
    }
}
