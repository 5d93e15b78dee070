using Microsoft.EntityFrameworkCore;

namespace SmtWeb.Runs;

/// <summary>Runs in PostgreSQL: the trash, and whose they are.</summary>
public sealed partial class RunStore
{
    /// <inheritdoc/>
    public async Task<IReadOnlyList<TrashedRun>> TrashAsync(CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        var facts = await context
            .Runs.Where(r => r.Trashed != null)
            .Select(r => new
            {
                r.Id,
                r.Trashed,
                r.TrashedBy,
            })
            .ToDictionaryAsync(r => r.Id, ct);
        var runs = await RunSummaries.ReadAsync(context, context.Runs.Where(r => r.Trashed != null).OrderByDescending(r => r.Trashed), ct);
        return
        [
            .. from run in runs
            where facts.ContainsKey(run.Id) // one that came meanwhile is there the next time
            let fact = facts[run.Id]
            select new TrashedRun(run, fact.Trashed!.Value, fact.TrashedBy ?? "", fact.Trashed.Value + TrashedRun.Kept),
        ];
    }

    /// <inheritdoc/>
    public async Task<int> PurgeTrashAsync(CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        var oldest = DateTimeOffset.UtcNow - TrashedRun.Kept;
        var purged = 0;
        foreach (var id in await context.Runs.Where(r => r.Trashed < oldest).Select(r => r.Id).ToListAsync(ct))
        {
            // one by one, each in its own transaction: a run has gigabytes, and somebody may take one out meanwhile
            purged += (await PurgeAsync(id, "the trash, after its time", ct)).Outcome == ChangeOutcome.Done ? 1 : 0;
        }

        return purged;
    }

    /// <inheritdoc/>
    public async Task<RunOwner?> OwnerAsync(long id, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        return await context.Runs.Where(r => r.Id == id).Select(r => new RunOwner(r.Id, r.OwnerId, r.CreatedBy)).SingleOrDefaultAsync(ct);
    }
}
