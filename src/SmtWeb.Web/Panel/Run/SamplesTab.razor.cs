using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using SmtWeb.Data.Formats;
using SmtWeb.Runs;
using SmtWeb.Smt.Session;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Run;

/// <summary>Sample grids, interpolation strips and plots, with one slider through training.</summary>
public sealed partial class SamplesTab
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly HashSet<long> _steps = [];
    private readonly Dictionary<long, int> _classes = [];
    private ElementReference _root;
    private IJSObjectReference? _module;
    private IJSObjectReference? _samples;

    /// <summary>The runs, side by side. Another choice of runs needs another component (@key).</summary>
    [Parameter, EditorRequired]
    public required IReadOnlyList<RunSummary> Runs { get; set; }

    [Inject]
    private IJSRuntime Js { get; set; } = default!;

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender)
        {
            return;
        }

        try
        {
            _module = await Js.InvokeAsync<IJSObjectReference>("import", Gone, "./js/samples.js");
            await FollowAsync(Runs.Select(r => r.Id));
            _samples = await _module.InvokeAsync<IJSObjectReference>(
                "mount",
                Gone,
                _root,
                new { runs = Runs.Select(r => new { id = r.Id, name = VisibleText.Of(r.Name) }) }
            );
            foreach (var run in Runs)
            {
                _classes[run.Id] = await Store.FindAsync(run.Id, Gone) is { } found ? DataShape.Of(found.Spec.Data).Classes : 0;
                await AddAsync(run.Id, await Store.PicturesAsync(run.Id, Gone), Timeout.InfiniteTimeSpan);
            }
        }
        catch (Exception e) when (e is JSDisconnectedException or OperationCanceledException or ObjectDisposedException)
        {
            // the page went while it was being set up
        }
    }

    /// <inheritdoc/>
    protected override async Task OnMessageAsync(RunMessage message)
    {
        var picture = message switch
        {
            GridReadyMessage grid => grid.Picture,
            InterpolationReadyMessage strip => strip.Picture,
            _ => null,
        };
        if (picture is null || _samples is null)
        {
            return;
        }

        try
        {
            await AddAsync(message.RunId, [picture], Patience);
        }
        catch (Exception e) when (e is JSException or JSDisconnectedException or OperationCanceledException or InvalidOperationException)
        {
            // The browser is away; the next picture or the next load brings all.
        }
    }

    private async Task AddAsync(long run, IReadOnlyList<RunPicture> pictures, TimeSpan patience)
    {
        // the slider's end first: a value beyond it would be cut
        _steps.UnionWith(pictures.Where(p => p.Kind != PictureKind.Interpolation).Select(p => p.Iteration));
        StateHasChanged();
        await _samples!.InvokeVoidAsync(
            "addAll",
            patience,
            run,
            pictures.Select(p => SamplePicture.From(run, p, _classes.GetValueOrDefault(run)))
        );
    }

    /// <inheritdoc/>
    protected override async ValueTask OnDisposeAsync()
    {
        try
        {
            if (_samples is not null)
            {
                await _samples.InvokeVoidAsync("dispose");
                await _samples.DisposeAsync();
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
}
