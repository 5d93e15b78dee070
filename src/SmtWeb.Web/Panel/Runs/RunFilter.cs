using SmtWeb.Runs;

namespace SmtWeb.Web.Panel.Runs;

/// <summary>A group of states that the list can be narrowed to; none: all.</summary>
public sealed record RunFilter(string Name, string Label, params IReadOnlyCollection<RunState> States)
{
    /// <summary>All filters; the first is the default.</summary>
    public static IReadOnlyList<RunFilter> All { get; } =
    [
        new("all", "All"),
        new("active", "Active", RunState.Starting, RunState.Running, RunState.Stopping, RunState.Recovering),
        new("queued", "Queued", RunState.Queued),
        new("paused", "Paused", RunState.Paused),
        new("finished", "Finished", RunState.Finished),
        new("ended", "Failed or ended", RunState.Failed, RunState.Cancelled),
    ];

    /// <summary>How many runs it shows.</summary>
    public int Count(IReadOnlyDictionary<RunState, int> runs) =>
        States.Count == 0 ? runs.Values.Sum() : States.Sum(s => runs.GetValueOrDefault(s));
}
