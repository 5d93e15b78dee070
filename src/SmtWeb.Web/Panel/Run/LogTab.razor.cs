using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using SmtWeb.Runs;
using LogLevel = SmtWeb.Smt.Session.LogLevel;

namespace SmtWeb.Web.Panel.Run;

/// <summary>The log of one run: all of it, drawn as far as it is in view.</summary>
public sealed partial class LogTab
{
    private const int PageSize = 5000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private static readonly (string Name, string Label, LogLevel Least)[] Levels =
    [
        ("all", "Everything", LogLevel.Information),
        ("warning", "Warnings and errors", LogLevel.Warning),
        ("error", "Errors", LogLevel.Error),
    ];

    private readonly List<RunEvent> _all = [];
    private List<RunEvent> _lines = [];
    private bool _loaded;
    private long? _job;
    private ElementReference _box;
    private IJSObjectReference? _module;
    private IJSObjectReference? _tail;

    /// <summary>The run.</summary>
    [Parameter, EditorRequired]
    public required long RunId { get; set; }

    [SupplyParameterFromQuery(Name = "level")]
    private string? Level { get; set; }

    [Inject]
    private IJSRuntime Js { get; set; } = default!;

    [Inject]
    private NavigationManager Navigation { get; set; } = default!;

    private (string Name, string Label, LogLevel Least) Shown =>
        Levels.FirstOrDefault(l => l.Name == Level) is { Name: not null } level ? level : Levels[0];

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        await FollowAsync(RunId);
        await ReadOnAsync();
        _job = (await Store.FindAsync(RunId, Gone))?.JobId;
        _loaded = true;
    }

    /// <inheritdoc/>
    protected override void OnParametersSet() => Filter();

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        try
        {
            if (firstRender)
            {
                _module = await Js.InvokeAsync<IJSObjectReference>("import", Gone, "./js/page.js");
                _tail = await _module.InvokeAsync<IJSObjectReference>("followTail", Gone, _box);
            }

            if (_tail is not null)
            {
                await _tail.InvokeVoidAsync("grew", Patience);
            }
        }
        catch (Exception e) when (e is JSDisconnectedException or OperationCanceledException or ObjectDisposedException)
        {
            // the browser is away
        }
    }

    /// <inheritdoc/>
    protected override async Task OnMessageAsync(RunMessage message)
    {
        if (message is LogMessage or StateChangeMessage)
        {
            var before = _all.Count;
            await ReadOnAsync(); // from the database after the last line here: nothing is missed, nothing comes twice
            if (_all.Count != before)
            {
                StateHasChanged();
            }
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask OnDisposeAsync()
    {
        try
        {
            if (_tail is not null)
            {
                await _tail.InvokeVoidAsync("dispose");
                await _tail.DisposeAsync();
            }

            if (_module is not null)
            {
                await _module.DisposeAsync();
            }
        }
        catch (JSDisconnectedException)
        {
            // the browser is gone, and its objects with it
        }
    }

    private async Task ReadOnAsync()
    {
        while (true)
        {
            var page = await Store.EventsAsync(RunId, _all.Count == 0 ? 0 : _all[^1].Id, PageSize, Gone);
            var last = _all.Count == 0 ? 0 : _all[^1].Id; // a message may have read on meanwhile
            _all.AddRange(page.Where(e => e.Id > last));
            if (page.Count < PageSize)
            {
                break;
            }
        }

        Filter();
    }

    private void Filter() => _lines = Shown.Least == LogLevel.Information ? [.. _all] : _all.FindAll(e => e.Level >= Shown.Least);

    private string LevelLink(string level) => Navigation.GetUriWithQueryParameter("level", level == Levels[0].Name ? null : level);

    private async Task ToEndAsync()
    {
        if (_tail is not null)
        {
            await _tail.InvokeVoidAsync("toEnd", Patience);
        }
    }
}
