using System.Data.Common;
using Microsoft.AspNetCore.Components;
using SmtWeb.Runs;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Runs;

/// <summary>All runs, live, a page at a time. Filter, order, search and page are in the URL; all four are done in SQL.</summary>
public sealed partial class RunsPage
{
    private const int MostRows = 50;
    private static readonly TimeSpan ClockTick = TimeSpan.FromSeconds(5);

    // Many runs may change at once: the table is read again once for all of them.
    private static readonly TimeSpan Together = TimeSpan.FromMilliseconds(250);

    private static readonly Dictionary<string, RunTableOrder> Orders = new()
    {
        ["name"] = RunTableOrder.Name,
        ["state"] = RunTableOrder.State,
        ["progress"] = RunTableOrder.Progress,
        ["speed"] = RunTableOrder.Speed,
        ["distance"] = RunTableOrder.Distance,
        ["created"] = RunTableOrder.Created,
        ["owner"] = RunTableOrder.Owner,
    };

    // States of runs that are not on this page, as they were heard of last.
    private readonly Dictionary<long, RunState> _elsewhere = [];
    private List<RunLine> _lines = [];
    private RunTablePart? _part;
    private string? _shown;
    private DateTimeOffset _now;
    private bool _following;
    private bool _stale;

    [Inject]
    private IRunTable Table { get; set; } = default!;

    [Inject]
    private NavigationManager Navigation { get; set; } = default!;

    [Inject]
    private TimeProvider Clock { get; set; } = default!;

    [SupplyParameterFromQuery]
    private string? State { get; set; }

    [SupplyParameterFromQuery]
    private string? Sort { get; set; }

    [SupplyParameterFromQuery(Name = "q")]
    private string? Search { get; set; }

    [SupplyParameterFromQuery]
    private int? Page { get; set; }

    private RunFilter Filter => RunFilter.All.FirstOrDefault(f => f.Name == State) ?? RunFilter.All[0];

    // ?sort=speed falls, ?sort=-speed rises: most orders are wanted from the top
    private string Column => Sort?.TrimStart('-') is { } column && Orders.ContainsKey(column) ? column : "created";

    private bool Descending => Sort?.StartsWith('-') != true;

    private int Number => Math.Clamp(Page ?? 1, 1, Math.Max(1, Pages));

    private int Pages => _part is null ? 1 : (_part.Total + MostRows - 1) / MostRows;

    private int Skip => (Math.Max(1, Page ?? 1) - 1) * MostRows;

    private string Summary =>
        _part is not { All: > 0 } part
            ? ""
            : $"{part.States.GetValueOrDefault(RunState.Running):N0} running, {part.States.GetValueOrDefault(RunState.Queued):N0} queued";

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        _now = Clock.GetUtcNow();
        if (!_following)
        {
            _following = true;
            await FollowAllAsync();
            if (RendererInfo.IsInteractive)
            {
                _ = TickAsync();
            }
        }

        var wanted = Navigation.Uri;
        if (_shown != wanted)
        {
            _shown = wanted;
            await ReadAsync();
        }
    }

    /// <inheritdoc/>
    protected override async Task OnMessageAsync(RunMessage message)
    {
        var line = _lines.Find(l => l.Run.Id == message.RunId);
        switch (message)
        {
            case StateChangeMessage { Summary: { } summary }
                when line is not null && line.Run.State == summary.State && line.Run.QueuePosition == summary.QueuePosition:
                line.Run = summary;
                StateHasChanged();
                break;
            case StateChangeMessage { Summary: { } summary }
                when line is null && _elsewhere.TryGetValue(summary.Id, out var known) && known == summary.State:
                break; // its progress is for other pages
            case StateChangeMessage { Summary: var summary }:
                // a run came, went or changed its state: what is on this page and the numbers above it may be others now
                if (summary is not null)
                {
                    _elsewhere[summary.Id] = summary.State;
                }

                if (line is not null && summary is not null)
                {
                    line.Run = summary;
                    StateHasChanged();
                }

                await ReadSoonAsync();
                break;
            case EvaluationMessage when line is not null:
                // pictures are drawn at evaluations
                line.Picture = (await Table.NewestPicturesAsync([message.RunId], Gone)).GetValueOrDefault(message.RunId) ?? line.Picture;
                StateHasChanged();
                break;
        }
    }

    private async Task ReadAsync()
    {
        var part = await Table.ReadAsync(
            new()
            {
                States = Filter.States,
                Search = Search,
                Order = Orders[Column],
                Descending = Descending,
                Skip = Skip,
                Take = MostRows,
            },
            Gone
        );
        if (part is { Runs.Count: 0, Total: > 0 })
        {
            _part = part;
            GoTo(Pages); // runs went, and the last page with them
            return;
        }

        var pictures = await Table.NewestPicturesAsync([.. part.Runs.Select(r => r.Id)], Gone);
        var known = _lines.ToDictionary(l => l.Run.Id, l => l.Waits);
        _lines = [.. part.Runs.Select(r => new RunLine(r, pictures.GetValueOrDefault(r.Id)) { Waits = known.GetValueOrDefault(r.Id) })];
        _part = part;
        if (RendererInfo.IsInteractive)
        {
            StateHasChanged();
            await ExplainWaitingAsync(_lines);
        }
    }

    private async Task ReadSoonAsync()
    {
        if (_stale)
        {
            return;
        }

        _stale = true;
        try
        {
            await Task.Delay(Together, Gone);
            _stale = false;
            await ReadAsync();
            StateHasChanged();
        }
        catch (Exception e) when (e is OperationCanceledException or DbException)
        {
            _stale = false; // the page is gone, or the database: what is shown stays
        }
    }

    // Each reason is several questions to the database, so the rows are there before it.
    private async Task ExplainWaitingAsync(IReadOnlyList<RunLine> lines)
    {
        foreach (var line in lines.Where(l => RunStates.IsWaiting(l.Run.State)))
        {
            if (lines != _lines)
            {
                return; // another page is shown by now
            }

            line.Waits = (await Store.FindAsync(line.Run.Id, Gone))?.WaitsBecause;
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

    private bool? Sorted(string column) => column == Column ? Descending : null;

    private string Link(string? state = null, string? sort = null) =>
        Navigation.GetUriWithQueryParameters(
            "/runs",
            new Dictionary<string, object?>
            {
                ["state"] =
                    state is null ? State
                    : state == RunFilter.All[0].Name ? null
                    : state,
                ["sort"] =
                    sort is null ? Sort
                    : sort == Column && Descending ? "-" + sort
                    : sort,
                ["q"] = Search,
            }
        );

    private void GoTo(int page) => Navigation.NavigateTo(Navigation.GetUriWithQueryParameter("page", page == 1 ? null : page));

    private void OnSearch(string? text)
    {
        var query = new Dictionary<string, object?> { ["q"] = string.IsNullOrEmpty(text) ? null : text, ["page"] = null };
        Navigation.NavigateTo(Navigation.GetUriWithQueryParameters(query), replace: true);
    }
}
