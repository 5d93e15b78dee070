using Microsoft.AspNetCore.Components;
using SmtWeb.Runs;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.RunList;

/// <summary>All runs, live. Filter, order and search are in the URL.</summary>
public sealed partial class RunsPage
{
    private static readonly TimeSpan ClockTick = TimeSpan.FromSeconds(5);

    private readonly Dictionary<long, string?> _waits = [];
    private readonly Dictionary<long, int> _pictures = [];
    private Dictionary<long, RunSummary>? _runs;
    private DateTimeOffset _now;
    private CancellationTokenSource? _typing;

    [Inject] private NavigationManager Navigation { get; set; } = default!;

    [Inject] private TimeProvider Clock { get; set; } = default!;

    [SupplyParameterFromQuery] private string? State { get; set; }

    [SupplyParameterFromQuery] private string? Sort { get; set; }

    [SupplyParameterFromQuery(Name = "q")] private string? Search { get; set; }

    private RunFilter Filter => RunFilter.All.FirstOrDefault(f => f.Name == State) ?? RunFilter.All[0];

    // ?sort=speed falls, ?sort=-speed rises: most orders are wanted from the top
    private RunColumn Column => RunColumn.All.FirstOrDefault(c => c.Key == Sort?.TrimStart('-')) ?? RunColumn.All[^1];

    private bool Descending => Sort?.StartsWith('-') != true;

    private IReadOnlyList<RunSummary> Shown
    {
        get
        {
            var found = _runs!.Values.Where(r => Filter.Takes(r.State) && Matches(r));
            return [.. Descending ? found.OrderByDescending(Column.By).ThenByDescending(r => r.Id) : found.OrderBy(Column.By).ThenBy(r => r.Id)];
        }
    }

    private string Summary => _runs is not { Count: > 0 } ? ""
        : $"{_runs.Values.Count(r => r.State == RunState.Running)} running, {_runs.Values.Count(r => r.State == RunState.Queued)} queued";

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        _now = Clock.GetUtcNow();
        await FollowAllAsync();
        _runs = (await Store.ListAsync(Gone)).ToDictionary(r => r.Id);
        await ExplainWaitingAsync();
        if (RendererInfo.IsInteractive)
        {
            _ = TickAsync();
        }
    }

    /// <inheritdoc/>
    protected override async Task OnMessageAsync(RunMessage message)
    {
        if (_runs is null)
        {
            return;
        }

        switch (message)
        {
            case StateChangeMessage { Summary: null }:
                _runs.Remove(message.RunId);
                break;
            case StateChangeMessage { Summary: { } summary }:
                var known = _runs.GetValueOrDefault(summary.Id);
                _runs[summary.Id] = summary;
                if (known?.State != summary.State || known.QueuePosition != summary.QueuePosition)
                {
                    await ExplainWaitingAsync();
                }

                break;
            case EvaluationMessage:
                // pictures are drawn at evaluations
                _pictures[message.RunId] = _pictures.GetValueOrDefault(message.RunId) + 1;
                break;
        }

        StateHasChanged();
    }

    private bool Matches(RunSummary run) => string.IsNullOrWhiteSpace(Search)
        || Search.Split(' ', StringSplitOptions.RemoveEmptyEntries).All(word =>
            new[] { run.Name, run.Preset ?? "", run.Method, run.Data, run.CreatedBy, "#" + run.Id }.Any(t => t.Contains(word, StringComparison.OrdinalIgnoreCase)));

    private async Task ExplainWaitingAsync()
    {
        _waits.Clear();
        foreach (var run in _runs!.Values.Where(r => RunStates.IsWaiting(r.State)).ToList())
        {
            _waits[run.Id] = (await Store.FindAsync(run.Id, Gone))?.WaitsBecause;
        }
    }

    private async Task TickAsync()
    {
        using var timer = new PeriodicTimer(ClockTick, Clock);
        try
        {
            while (await timer.WaitForNextTickAsync(Gone))
            {
                _now = Clock.GetUtcNow();
                await InvokeAsync(StateHasChanged);
            }
        }
        catch (OperationCanceledException)
        {
            // the page is gone
        }
    }

    private string Link(string? state = null, string? sort = null) => Navigation.GetUriWithQueryParameters("/runs", new Dictionary<string, object?>
    {
        ["state"] = state is null ? State : state == RunFilter.All[0].Name ? null : state,
        ["sort"] = sort is null ? Sort : sort == Column.Key && Descending ? "-" + sort : sort,
        ["q"] = Search,
    });

    private async Task OnSearch(ChangeEventArgs e)
    {
        _typing?.Cancel();
        _typing = new CancellationTokenSource();
        try
        {
            await Task.Delay(150, _typing.Token);
            Navigation.NavigateTo(Navigation.GetUriWithQueryParameter("q", e.Value is string { Length: > 0 } text ? text : null), replace: true);
        }
        catch (OperationCanceledException)
        {
            // another letter came
        }
    }
}
