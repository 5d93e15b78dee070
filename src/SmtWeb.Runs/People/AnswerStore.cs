using Microsoft.EntityFrameworkCore;
using Npgsql;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Runs.People;

/// <summary>An answer as it was given.</summary>
public sealed record StoredAnswer(int Status, string? Location, string? ContentType, byte[] Body);

/// <summary>What is known of a request that carries a name of its own.</summary>
public abstract record RequestState
{
    /// <summary>It is new, and the caller is the one who does it.</summary>
    public sealed record New : RequestState;

    /// <summary>It is at work, or was cut off within the last minutes.</summary>
    public sealed record AtWork : RequestState;

    /// <summary>Another request had this name.</summary>
    public sealed record Another : RequestState;

    /// <summary>It was done.</summary>
    public sealed record Answered(StoredAnswer Answer) : RequestState;
}

/// <summary>
/// Requests that carry an <c>Idempotency-Key</c> are done once: whoever sends one again, because the answer was lost, gets the
/// first answer.
/// </summary>
public sealed class AnswerStore(IDbContextFactory<SmtWebDbContext> contexts, TimeProvider clock)
{
    /// <summary>How long an answer is kept.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    // A request whose node died answers nobody; after this time it may be sent again.
    private static readonly TimeSpan AtWorkAtMost = TimeSpan.FromMinutes(5);

    /// <summary>Takes the name <paramref name="key"/> for a request; of two at once one is <see cref="RequestState.New"/>.</summary>
    public async Task<RequestState> BeginAsync(string ownerId, string key, string request, CancellationToken ct)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        var now = clock.GetUtcNow();
        var (answered, cutOff) = (now - Kept, now - AtWorkAtMost);
        await context
            .Answers.Where(a => a.OwnerId == ownerId && a.Key == key && (a.Created < answered || (a.Status == null && a.Created < cutOff)))
            .ExecuteDeleteAsync(ct);
        context.Answers.Add(
            new AnswerRow
            {
                OwnerId = ownerId,
                Key = key,
                Request = request,
                Created = now,
            }
        );
        try
        {
            await context.SaveChangesAsync(ct);
            return new RequestState.New();
        }
        catch (DbUpdateException e) when (e.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            context.ChangeTracker.Clear();
        }

        var known = await context.Answers.AsNoTracking().SingleOrDefaultAsync(a => a.OwnerId == ownerId && a.Key == key, ct);
        return known switch
        {
            null => new RequestState.AtWork(), // it failed a moment ago: the caller may try again
            _ when known.Request != request => new RequestState.Another(),
            { Status: { } status } => new RequestState.Answered(new(status, known.Location, known.ContentType, known.Body ?? [])),
            _ => new RequestState.AtWork(),
        };
    }

    /// <summary>Keeps the answer to a request that was begun.</summary>
    public async Task EndAsync(string ownerId, string key, StoredAnswer answer, CancellationToken ct)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        await context
            .Answers.Where(a => a.OwnerId == ownerId && a.Key == key)
            .ExecuteUpdateAsync(
                a =>
                    a.SetProperty(x => x.Status, answer.Status)
                        .SetProperty(x => x.Location, answer.Location)
                        .SetProperty(x => x.ContentType, answer.ContentType)
                        .SetProperty(x => x.Body, answer.Body),
                ct
            );
    }

    /// <summary>Forgets a request that came to nothing: it may be put right and sent again under its name.</summary>
    public async Task ForgetAsync(string ownerId, string key, CancellationToken ct)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        await context.Answers.Where(a => a.OwnerId == ownerId && a.Key == key && a.Status == null).ExecuteDeleteAsync(ct);
    }

    /// <summary>Removes what is older than <see cref="Kept"/>; how many.</summary>
    public async Task<int> PurgeAsync(CancellationToken ct = default)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        var oldest = clock.GetUtcNow() - Kept;
        return await context.Answers.Where(a => a.Created < oldest).ExecuteDeleteAsync(ct);
    }
}
