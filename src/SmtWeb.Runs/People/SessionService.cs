using Microsoft.EntityFrameworkCore;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Runs.People;

/// <summary>
/// Sessions of people who signed in, on the server: what ends here ends everywhere, at once. (The cookie alone would go on
/// working wherever a copy of it lies.)
/// </summary>
public sealed class SessionService(IDbContextFactory<SmtWebDbContext> contexts, TimeProvider clock)
{
    /// <summary>A session that nobody used for so long is over; the cookie is not valid longer.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(14);

    private static readonly TimeSpan SeenGrain = TimeSpan.FromHours(1);

    /// <summary>Begins one.</summary>
    public async Task<Guid> BeginAsync(string userId, CancellationToken ct = default)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        var now = clock.GetUtcNow();
        var session = new SessionRow
        {
            Id = Guid.NewGuid(),
            UserId = userId,
            Created = now,
            Seen = now,
        };
        context.Sessions.Add(session);
        await context.SaveChangesAsync(ct);
        return session.Id;
    }

    /// <summary>
    /// Whether a session lasts: it was not ended, its account is open, and has the security stamp (that is: password and
    /// role) which it began with.
    /// </summary>
    /// <exception cref="System.Data.Common.DbException">The database is away, and nobody knows.</exception>
    public async Task<bool> LastsAsync(Guid id, string userId, string? stamp, CancellationToken ct = default)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        var now = clock.GetUtcNow();
        var found = await context
            .Sessions.Where(s => s.Id == id && s.UserId == userId)
            .Join(
                context.Users,
                s => s.UserId,
                u => u.Id,
                (s, u) =>
                    new
                    {
                        s.Seen,
                        u.SecurityStamp,
                        u.LockoutEnd,
                    }
            )
            .SingleOrDefaultAsync(ct);
        if (found is null || found.SecurityStamp != stamp || AccountService.IsClosed(found.LockoutEnd) || found.Seen + Lifetime < now)
        {
            return false;
        }

        if (now - found.Seen > SeenGrain)
        {
            await context.Sessions.Where(s => s.Id == id).ExecuteUpdateAsync(s => s.SetProperty(x => x.Seen, now), ct);
        }

        return true;
    }

    /// <summary>Ends one.</summary>
    public async Task EndAsync(Guid id, CancellationToken ct = default)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        await context.Sessions.Where(s => s.Id == id).ExecuteDeleteAsync(ct);
    }

    /// <summary>Ends all of an account.</summary>
    public async Task EndAllAsync(string userId, CancellationToken ct = default)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        await EndAllAsync(context, userId, ct);
    }

    /// <summary>Removes those that are over by themselves; how many.</summary>
    public async Task<int> PurgeAsync(CancellationToken ct = default)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        var oldest = clock.GetUtcNow() - Lifetime - SeenGrain;
        return await context.Sessions.Where(s => s.Seen < oldest).ExecuteDeleteAsync(ct);
    }

    internal static Task EndAllAsync(SmtWebDbContext context, string userId, CancellationToken ct = default) =>
        context.Sessions.Where(s => s.UserId == userId).ExecuteDeleteAsync(ct);
}
