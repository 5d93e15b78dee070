using Microsoft.EntityFrameworkCore;
using SmtWeb.Data.Text;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Runs.People;

/// <summary>Who signed in or failed to, made a key, changed a role, deleted: kept for a year. Nothing ever changes a line.</summary>
public sealed class AuditLog(IDbContextFactory<SmtWebDbContext> contexts, TimeProvider clock)
{
    /// <summary>How long a line is kept.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(366);

    // What a stranger types as a name is written down as well, and must not fill the disk.
    private const int Longest = 300;

    /// <summary>Writes a line on its own.</summary>
    public async Task WriteAsync(Actor by, string action, string subject, string detail = "", CancellationToken ct = default)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        Add(context, by, action, subject, detail, clock.GetUtcNow());
        await context.SaveChangesAsync(ct);
    }

    /// <summary>
    /// Lines older than <paramref name="before"/> (an id; null: from the newest on), newest first, of one action or person where that is
    /// given.
    /// </summary>
    public async Task<IReadOnlyList<AuditEntry>> ListAsync(
        long? before = null,
        int limit = 100,
        string? action = null,
        string? actor = null,
        CancellationToken ct = default
    )
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        return await context
            .Audit.Where(a =>
                (before == null || a.Id < before) && (action == null || a.Action == action) && (actor == null || a.Actor == actor)
            )
            .OrderByDescending(a => a.Id)
            .Take(limit)
            .Select(a => new AuditEntry(a.Id, a.At, a.Action, a.Actor, a.KeyId, a.Address, a.Subject, a.Detail))
            .ToListAsync(ct);
    }

    /// <summary>Removes what is older than <see cref="Kept"/>; how many lines that were.</summary>
    public async Task<int> PurgeAsync(CancellationToken ct = default)
    {
        await using var context = await contexts.CreateDbContextAsync(ct);
        var oldest = clock.GetUtcNow() - Kept;
        return await context.Audit.Where(a => a.At < oldest).ExecuteDeleteAsync(ct);
    }

    /// <summary>Adds a line to a unit of work: it is written where the change is, and only there.</summary>
    internal static void Add(SmtWebDbContext context, Actor by, string action, string subject, string detail, DateTimeOffset at) =>
        context.Audit.Add(
            new AuditRow
            {
                At = at,
                Action = action,
                Actor = Short(by.Name),
                KeyId = by.KeyId,
                Address = by.Address,
                Subject = Short(subject),
                Detail = Short(detail),
            }
        );

    private static string Short(string text) => PlainText.Show(text.Length <= Longest ? text : text[..Longest] + "…");
}
