using Microsoft.EntityFrameworkCore;
using SmtWeb.Runs.Model;

namespace SmtWeb.Runs.People;

/// <summary>A key as lists show it: never the secret.</summary>
public sealed record ApiKeyInfo(long Id, string Name, string Prefix, string Owner, DateTimeOffset Created, DateTimeOffset? LastUsed, DateTimeOffset? Revoked);

/// <summary>A new key. <paramref name="Secret"/> is shown this once.</summary>
public sealed record NewApiKey(ApiKeyInfo Key, string Secret);

/// <summary>The owner of a key that opened a door.</summary>
public sealed record ApiKeyOwner(long KeyId, string UserId, string UserName, IReadOnlyList<string> Roles);

/// <summary>API keys: <c>smt_</c> and 256 random bits, stored as a hash, with the rights that their owner has now.</summary>
public sealed class ApiKeyService(IDbContextFactory<SmtWebDbContext> contexts, TimeProvider clock)
{
    /// <summary>How every key begins, so that one that lies where it should not is recognised.</summary>
    public const string Prefix = "smt_";
    private static readonly TimeSpan LastUsedGrain = TimeSpan.FromMinutes(1);

    /// <summary>Makes a key for a user.</summary>
    public async Task<NewApiKey> CreateAsync(string ownerId, string name, CancellationToken ct = default)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        var owner = await context.Users.AsNoTracking().SingleAsync(u => u.Id == ownerId, ct);
        var secret = Prefix + Secrets.Create();
        var key = new ApiKey { OwnerId = ownerId, Name = name, Hash = Secrets.Hash(secret), Prefix = secret[..(Prefix.Length + 6)], Created = clock.GetUtcNow() };
        context.ApiKeys.Add(key);
        await context.SaveChangesAsync(ct);
        return new NewApiKey(new ApiKeyInfo(key.Id, name, key.Prefix, owner.UserName!, key.Created, null, null), secret);
    }

    /// <summary>Keys of one user, or of everybody (null), newest first.</summary>
    public async Task<IReadOnlyList<ApiKeyInfo>> ListAsync(string? ownerId, CancellationToken ct = default)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        return await context.ApiKeys.Where(k => ownerId == null || k.OwnerId == ownerId).OrderByDescending(k => k.Id)
            .Select(k => new ApiKeyInfo(k.Id, k.Name, k.Prefix, k.Owner!.UserName!, k.Created, k.LastUsed, k.Revoked)).ToListAsync(ct);
    }

    /// <summary>Revokes a key, of <paramref name="ownerId"/> only unless that is null; false where there is no such key in use.</summary>
    public async Task<bool> RevokeAsync(long id, string? ownerId, CancellationToken ct = default)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        var now = clock.GetUtcNow();
        return await context.ApiKeys.Where(k => k.Id == id && k.Revoked == null && (ownerId == null || k.OwnerId == ownerId))
            .ExecuteUpdateAsync(k => k.SetProperty(x => x.Revoked, now), ct) == 1;
    }

    /// <summary>Whether a key that opened a door would still open it.</summary>
    public async Task<bool> IsOpenAsync(long id, CancellationToken ct)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        var key = await context.ApiKeys.AsNoTracking().Include(k => k.Owner).SingleOrDefaultAsync(k => k.Id == id && k.Revoked == null, ct);
        return key?.Owner is { } owner && !AccountService.IsDisabled(owner);
    }

    /// <summary>Whose key this is, with the roles of now; null for keys that are unknown, revoked, or of a disabled user.</summary>
    public async Task<ApiKeyOwner?> FindOwnerAsync(string secret, CancellationToken ct)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        var hash = Secrets.Hash(secret);
        var now = clock.GetUtcNow();
        var key = await context.ApiKeys.AsNoTracking().Include(k => k.Owner).SingleOrDefaultAsync(k => k.Hash == hash && k.Revoked == null, ct);
        if (key?.Owner is not { } owner || AccountService.IsDisabled(owner))
        {
            return null;
        }

        var roles = await context.UserRoles.Where(r => r.UserId == owner.Id).Join(context.Roles, r => r.RoleId, r => r.Id, (_, r) => r.Name!).ToListAsync(ct);
        if (key.LastUsed is null || now - key.LastUsed > LastUsedGrain)
        {
            // once a minute is enough to see whether a key is in use, and spares a write per request
            await context.ApiKeys.Where(k => k.Id == key.Id).ExecuteUpdateAsync(k => k.SetProperty(x => x.LastUsed, now), ct);
        }

        return new ApiKeyOwner(key.Id, owner.Id, owner.UserName!, roles);
    }
}
