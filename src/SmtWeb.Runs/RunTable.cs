using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Entities;
using SmtWeb.Smt.Session;

namespace SmtWeb.Runs;

/// <summary>The table of runs in PostgreSQL.</summary>
internal sealed class RunTable(RunsDatabase database) : IRunTable
{
    // What is at work comes first, what has ended last.
    private static readonly Expression<Func<RunRow, int>> StateRank = r =>
        r.State == RunState.Running ? 0
        : r.State == RunState.Starting ? 1
        : r.State == RunState.Stopping ? 2
        : r.State == RunState.Recovering ? 3
        : r.State == RunState.Queued ? 4
        : r.State == RunState.Paused ? 5
        : r.State == RunState.Failed ? 6
        : r.State == RunState.Finished ? 7
        : 8;

    /// <inheritdoc/>
    public async Task<RunTablePart> ReadAsync(RunTableView view, CancellationToken ct = default)
    {
        await using var context = await database.ContextAsync(ct);
        var kept = context.Runs.Where(r => r.Trashed == null);
        var states = await kept.GroupBy(r => r.State)
            .Select(g => new { State = g.Key, Count = g.Count() })
            .ToDictionaryAsync(g => g.State, g => g.Count, ct);
        var found = RunSearch.Find(kept, view.States, (view.Search ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries));
        bool narrowed = view.States.Count > 0 || !string.IsNullOrWhiteSpace(view.Search);
        int total = narrowed ? await found.CountAsync(ct) : states.Values.Sum();
        var runs = await RunSummaries.ReadAsync(context, Order(found, view).Skip(view.Skip).Take(view.Take), ct);
        return new(runs, total, states);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<long, RunPicture>> NewestPicturesAsync(
        IReadOnlyCollection<long> runs,
        CancellationToken ct = default
    )
    {
        await using var context = await database.ContextAsync(ct);
        var newest = context
            .Pictures.Where(p =>
                runs.Contains(p.RunId) && !p.Superseded && (p.Kind == PictureKind.Samples || p.Kind == PictureKind.Scatter)
            )
            .GroupBy(p => p.RunId)
            .Select(g => g.Max(p => p.Id));
        var pictures = await context
            .Pictures.Where(p => newest.Contains(p.Id))
            .Select(p => new
            {
                p.RunId,
                Picture = new RunPicture(p.Id, p.Attempt, p.Kind, p.Iteration, p.ImagesSeen, p.Rows, p.Columns, p.CellSize, p.RowLabels),
            })
            .ToListAsync(ct);
        return pictures.ToDictionary(p => p.RunId, p => p.Picture);
    }

    // The number breaks ties, so that no run is shown on two parts.
    private static IQueryable<RunRow> Order(IQueryable<RunRow> runs, RunTableView view) =>
        view.Order switch
        {
            RunTableOrder.Created => view.Descending ? runs.OrderByDescending(r => r.Id) : runs.OrderBy(r => r.Id),
            RunTableOrder.Name => By(runs.OrderBy(r => 0), r => r.Name.ToLower(), view),
            RunTableOrder.State => By(runs.OrderBy(r => 0), StateRank, view),
            RunTableOrder.Progress => By(
                runs.OrderBy(r => 0),
                r => r.TotalIterations == 0 ? 0 : (double)r.Iteration / r.TotalIterations,
                view
            ),
            RunTableOrder.Speed => By(runs.OrderBy(r => r.ImagesPerSecond == null), r => r.ImagesPerSecond, view),
            RunTableOrder.Owner => By(runs.OrderBy(r => 0), r => r.OwnerId == null ? "" : r.CreatedBy.ToLower(), view),
            RunTableOrder.Distance => By(runs.OrderBy(r => r.Distance == null).ThenBy(r => r.DistanceMetric), r => r.Distance, view),
            _ => throw new ArgumentOutOfRangeException(nameof(view)),
        };

    private static IQueryable<RunRow> By<T>(IOrderedQueryable<RunRow> runs, Expression<Func<RunRow, T>> key, RunTableView view) =>
        view.Descending ? runs.ThenByDescending(key).ThenByDescending(r => r.Id) : runs.ThenBy(key).ThenBy(r => r.Id);
}
