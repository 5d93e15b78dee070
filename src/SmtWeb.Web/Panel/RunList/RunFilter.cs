using SmtWeb.Runs;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.RunList;

/// <summary>A group of states that the list can be narrowed to.</summary>
public sealed record RunFilter(string Name, string Label, Func<RunState, bool> Takes)
{
    /// <summary>All filters; the first is the default.</summary>
    public static IReadOnlyList<RunFilter> All { get; } =
    [
        new("all", "All", _ => true),
        new("active", "Active", RunStates.IsActive),
        new("queued", "Queued", s => s == RunState.Queued),
        new("paused", "Paused", s => s == RunState.Paused),
        new("finished", "Finished", s => s == RunState.Finished),
        new("ended", "Failed or ended", s => s is RunState.Failed or RunState.Cancelled),
    ];
}

/// <summary>A column that the list can be ordered by.</summary>
public sealed record RunColumn(string Key, string Label, Func<RunSummary, IComparable?> By)
{
    /// <summary>All columns from left to right; the last is the default order.</summary>
    public static IReadOnlyList<RunColumn> All { get; } =
    [
        new("name", "Run", r => r.Name),
        new("state", "State", r => r.State),
        new("progress", "Progress", r => r.TotalIterations == 0 ? 0 : (double)r.Iteration / r.TotalIterations),
        new("speed", "Images/s", r => r.ImagesPerSecond ?? 0),
        new("distance", "Distance", r => r.Distance ?? double.MaxValue),
        new("created", "Created", r => r.Created),
    ];
}
