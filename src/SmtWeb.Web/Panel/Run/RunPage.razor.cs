using System.Data.Common;
using Microsoft.AspNetCore.Components;
using SmtWeb.Data.Formats;
using SmtWeb.Runs;
using SmtWeb.Smt.Session;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Run;

/// <summary>One run: its header, and one part of it at a time; which one is in the URL.</summary>
public sealed partial class RunPage
{
    private static readonly (string Name, string Label)[] Tabs =
    [
        ("charts", "Charts"),
        ("samples", "Samples"),
        ("checkpoints", "Checkpoints"),
        ("config", "Config"),
        ("log", "Log"),
    ];

    private static readonly TimeSpan ClockTick = TimeSpan.FromSeconds(2);

    private RunDetail? _run;
    private IReadOnlyList<ClassChoice> _manyClasses = [];
    private bool _missing;
    private long _loadedId;
    private bool _ticking;
    private DateTimeOffset _now;

    /// <summary>The run's number.</summary>
    [Parameter]
    public long Id { get; set; }

    /// <summary>The part that is shown.</summary>
    [Parameter]
    public string? Tab { get; set; }

    [Inject]
    private TimeProvider Clock { get; set; } = default!;

    private string Current => Tabs.Any(t => t.Name == Tab) ? Tab! : Tabs[0].Name;

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        if (_loadedId == Id)
        {
            return;
        }

        _loadedId = Id;
        _manyClasses = [];
        _now = Clock.GetUtcNow();
        await FollowAsync(Id);
        await LoadAsync();
        if (RendererInfo.IsInteractive && !_ticking)
        {
            _ticking = true;
            _ = TickAsync();
        }
    }

    /// <inheritdoc/>
    protected override async Task OnMessageAsync(RunMessage message)
    {
        if (message is not StateChangeMessage change)
        {
            return;
        }

        if (change.Summary is null)
        {
            _missing = true;
        }
        else if (
            _run is null
            || RunStates.IsWaiting(change.Summary.State)
            || _run.Summary.State != change.Summary.State
            || RunStatesDiffer(change.Summary)
        )
        {
            await LoadAsync(); // attempts, worker and the reason for waiting may have changed with it
        }
        else
        {
            _run = _run with { Summary = change.Summary };
        }

        StateHasChanged();
    }

    private bool RunStatesDiffer(RunSummary summary) =>
        _run!.Summary.QueuePosition != summary.QueuePosition || _run.Summary.Priority != summary.Priority;

    private async Task LoadAsync()
    {
        _run = await Store.FindAsync(Id, Gone);
        _missing = _run is null;
        if (_run is not null && _manyClasses.Count == 0 && DataShape.Of(_run.Spec.Data) is { Classes: > PictureRecord.MostRows } shape)
        {
            _manyClasses = ClassChoice.Of(shape.ClassNames, shape.Synsets.Count > 0); // of which a grid shows a few
        }
    }

    // Times move on, and a heartbeat that stops makes no message.
    private async Task TickAsync()
    {
        using var timer = new PeriodicTimer(ClockTick, Clock);
        try
        {
            while (await timer.WaitForNextTickAsync(Gone))
            {
                await InvokeAsync(async () =>
                {
                    _now = Clock.GetUtcNow();
                    try
                    {
                        if (_run is not null && RunStates.IsActive(_run.Summary.State))
                        {
                            await LoadAsync();
                        }
                    }
                    catch (DbException)
                    {
                        // The database is away; the clock goes on, and the heartbeat is seen to be missing.
                    }

                    StateHasChanged();
                });
            }
        }
        catch (OperationCanceledException)
        {
            // the page is gone
        }
    }
}
