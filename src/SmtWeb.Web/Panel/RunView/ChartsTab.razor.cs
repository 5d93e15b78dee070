using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using SmtWeb.Runs;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.RunView;

/// <summary>
/// The curves. History is fetched by the browser in binary frames; from then on points are pushed from the feed. The
/// drawing is all in js/charts.js: no point passes through the render tree.
/// </summary>
public sealed partial class ChartsTab
{
    // A browser that does not answer is away; it fetches what it missed when it is back.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private List<RunEvaluation> _evaluations = [];
    private ElementReference _root;
    private IJSObjectReference? _module;
    private IJSObjectReference? _charts;

    /// <summary>The run.</summary>
    [Parameter, EditorRequired] public required RunSummary Run { get; set; }

    [Inject] private IJSRuntime Js { get; set; } = default!;

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync() => _evaluations = [.. await Store.EvaluationsAsync(Run.Id, Gone)];

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender)
        {
            return;
        }

        try
        {
            _module = await Js.InvokeAsync<IJSObjectReference>("import", Gone, "./js/charts.js");
            await FollowAsync(Run.Id);
            _evaluations = [.. await Store.EvaluationsAsync(Run.Id, Gone)];
            _charts = await _module.InvokeAsync<IJSObjectReference>("mount", Gone, _root, new
            {
                runs = new[] { new { id = Run.Id, name = Run.Name, url = PanelLinks.Curves(Run.Id), evaluations = _evaluations.Select(CurveEvaluation.From) } },
            });
        }
        catch (Exception e) when (e is JSDisconnectedException or OperationCanceledException or ObjectDisposedException)
        {
            // the page went while it was being set up
        }
    }

    /// <inheritdoc/>
    protected override async Task OnMessageAsync(RunMessage message)
    {
        try
        {
            switch (message)
            {
                case MetricBatchMessage batch when _charts is not null:
                    await _charts.InvokeVoidAsync("append", Patience, Run.Id, CurveFrame.Write(batch.Points));
                    break;
                case CurvesRewoundMessage when _charts is not null:
                    await _charts.InvokeVoidAsync("rewind", Patience, Run.Id);
                    break;
                case EvaluationMessage { Evaluation: var evaluation } when _evaluations.All(e => e.Id != evaluation.Id):
                    _evaluations.Add(evaluation);
                    if (_charts is not null)
                    {
                        await _charts.InvokeVoidAsync("evaluations", Patience, Run.Id, _evaluations.Select(CurveEvaluation.From));
                    }

                    StateHasChanged();
                    break;
            }
        }
        catch (Exception e) when (e is JSException or JSDisconnectedException or OperationCanceledException or InvalidOperationException)
        {
            // see Patience
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask OnDisposeAsync()
    {
        try
        {
            if (_charts is not null)
            {
                await _charts.InvokeVoidAsync("dispose");
                await _charts.DisposeAsync();
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

    private static string Short(string hash) => hash.Length > 10 ? hash[..10] : hash;
}
