using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using SmtWeb.Runs;
using SmtWeb.Smt.Evaluation;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Run;

/// <summary>
/// The curves. History is fetched by the browser in binary frames; from then on points are pushed from the feed. The
/// drawing is all in js/charts.js: no point passes through the render tree.
/// </summary>
public sealed partial class ChartsTab
{
    // A browser that does not answer is away; it fetches what it missed when it is back.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private const string NoPoints = "No points yet. Curves appear here within seconds of the first training steps.";

    private readonly Dictionary<long, List<RunEvaluation>> _evaluations = [];
    private string _beginning = "";
    private ElementReference _root;
    private IJSObjectReference? _module;
    private IJSObjectReference? _charts;
    private string _bad = ""; // the runs' first bad iterations, as they are drawn

    /// <summary>The runs, drawn over each other. Another choice of runs needs another component (@key).</summary>
    [Parameter, EditorRequired]
    public required IReadOnlyList<RunSummary> Runs { get; set; }

    /// <summary>The page compares already, and offers no way to itself.</summary>
    [Parameter]
    public bool Comparing { get; set; }

    private IEnumerable<(RunSummary Run, RunEvaluation Evaluation)> Records =>
        Runs.SelectMany(r => (_evaluations.GetValueOrDefault(r.Id) ?? []).AsEnumerable().Reverse().Select(e => (r, e)));

    // Distances compare only where all but the run is the same: what differs between the newest of the first run and of the others.
    private IEnumerable<string> Differences
    {
        get
        {
            var newest = Records.GroupBy(r => r.Run.Id).Select(g => g.First()).ToList();
            foreach (var (run, evaluation) in newest.Skip(1))
            {
                if (EvaluationComparison.Differences(newest[0].Evaluation.Record, evaluation.Record) is { Count: > 0 } differences)
                {
                    yield return $"“{newest[0].Run.Name}” and “{run.Name}” differ in {string.Join("; ", differences)}";
                }
            }
        }
    }

    // What the newest record of each run says about itself, such as why it is no FID.
    private IEnumerable<(string Text, string Runs)> Warnings =>
        Records
            .GroupBy(r => r.Run.Id)
            .Select(g => g.First())
            .SelectMany(r => (r.Evaluation.Record.Warnings ?? []).Select(text => (text, r.Run.Name)))
            .GroupBy(w => w.text)
            .Select(g => (g.Key, string.Join(", ", g.Select(w => w.Name))));

    [Inject]
    private IJSRuntime Js { get; set; } = default!;

    /// <inheritdoc/>
    protected override Task OnInitializedAsync()
    {
        // Where nothing was trained there is nothing to wait for. Said once: from the first drawing on the words are the script's.
        _beginning = Runs.All(r => r.Iteration == 0) ? NoPoints : "Loading the curves…";
        return LoadEvaluationsAsync();
    }

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender)
        {
            await MarkAsync();
            return;
        }

        _bad = Bad;

        try
        {
            _module = await Js.InvokeAsync<IJSObjectReference>("import", Gone, "./js/charts.js");
            await FollowAsync(Runs.Select(r => r.Id));
            await LoadEvaluationsAsync();
            _charts = await _module.InvokeAsync<IJSObjectReference>(
                "mount",
                Gone,
                _root,
                new
                {
                    empty = NoPoints,
                    runs = Runs.Select(r => new
                    {
                        id = r.Id,
                        bad = r.FirstBadIteration,
                        name = VisibleText.Of(r.Name),
                        url = PanelLinks.Curves(r.Id),
                        evaluations = CurveEvaluation.Of(_evaluations[r.Id]),
                    }),
                }
            );
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
                    await _charts.InvokeVoidAsync("append", Patience, batch.RunId, CurveFrame.Write(batch.Points));
                    break;
                case CurvesRewoundMessage when _charts is not null:
                    await _charts.InvokeVoidAsync("rewind", Patience, message.RunId);
                    break;
                case EvaluationMessage { Evaluation: var evaluation }
                    when _evaluations.TryGetValue(message.RunId, out var known) && known.All(e => e.Id != evaluation.Id):
                    known.Add(evaluation);
                    if (_charts is not null)
                    {
                        await _charts.InvokeVoidAsync("evaluations", Patience, message.RunId, CurveEvaluation.Of(known));
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

    private string Bad => string.Join(' ', Runs.Select(r => r.FirstBadIteration));

    // A run that stops for what is not finite, or goes on from before it, while somebody looks.
    private async Task MarkAsync()
    {
        if (_charts is null || _bad == Bad)
        {
            return;
        }

        _bad = Bad;
        try
        {
            foreach (var run in Runs)
            {
                await _charts.InvokeVoidAsync("mark", Patience, run.Id, run.FirstBadIteration);
            }
        }
        catch (Exception e) when (e is JSException or JSDisconnectedException or OperationCanceledException or InvalidOperationException)
        {
            // see Patience
        }
    }

    private async Task LoadEvaluationsAsync()
    {
        foreach (var run in Runs)
        {
            _evaluations[run.Id] = [.. await Store.EvaluationsAsync(run.Id, Gone)];
        }
    }

    private static string Short(string hash) => hash.Length > 10 ? hash[..10] : hash;
}
