using System.Data.Common;
using System.Globalization;
using Microsoft.AspNetCore.Components;
using MudBlazor;
using SmtWeb.Runs;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Sampling;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Run;

/// <summary>Checkpoints of one run, newest first, and the evaluations of them that were queued.</summary>
public sealed partial class CheckpointsTab
{
    private static readonly TimeSpan Refresh = TimeSpan.FromSeconds(2);

    private static readonly string[] Order = ["kid", "precision", "recall", "inception-score"]; // the database sorts names its own way

    private List<RunCheckpoint>? _checkpoints;
    private IReadOnlyList<RunEvaluation> _evaluations = [];
    private IReadOnlyList<EvaluationJob> _jobs = [];
    private IReadOnlyList<int> _steps = [];
    private MudDataGrid<RunCheckpoint>? _grid;
    private Task _watch = Task.CompletedTask;

    /// <summary>The run.</summary>
    [Parameter, EditorRequired]
    public required RunSummary Run { get; set; }

    [Inject]
    private TimeProvider Clock { get; set; } = default!;

    [Inject]
    private IDialogService Dialogs { get; set; } = default!;

    [Inject]
    private RunCommands Commands { get; set; } = default!;

    [Inject]
    private EvaluationQueue Queue { get; set; } = default!;

    private RunCheckpoint? Best => _checkpoints!.Where(c => c.Distance is { } d && double.IsFinite(d)).MinBy(c => c.Distance);

    private string DistanceTitle => Run.DistanceMetric is null ? "Distance" : Format.MetricName(Run.DistanceMetric);

    // A checkpoint that was not measured is last, in whichever direction the column is sorted.
    private double None =>
        _grid?.SortDefinitions.Values.FirstOrDefault()?.Descending == true ? double.NegativeInfinity : double.PositiveInfinity;

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        await FollowAsync(Run.Id);
        await LoadAsync();
        _steps = await Store.FindAsync(Run.Id, Gone) is { } run ? GenerationSteps.Of(run.Spec.Method) : [];
        Watch();
    }

    /// <inheritdoc/>
    protected override async Task OnMessageAsync(RunMessage message)
    {
        if (message is CheckpointMessage or EvaluationMessage)
        {
            await LoadAsync(); // a new one may have removed an old one
            Watch();
            StateHasChanged();
        }
    }

    private static bool IsOpen(EvaluationJob job) => job.State is EvaluationJobState.Queued or EvaluationJobState.Running;

    private async Task LoadAsync()
    {
        _evaluations = await Store.EvaluationsAsync(Run.Id, Gone);
        _jobs = await Queue.OfRunAsync(Run.Id, Gone);
        _checkpoints = [.. (await Store.CheckpointsAsync(Run.Id, Gone)).Reverse()];
    }

    private async Task AskAsync(RunCheckpoint checkpoint)
    {
        var dialog = await Dialogs.ShowAsync<EvaluateDialog>(
            $"Evaluate iteration {Format.Count(checkpoint.Iteration)}",
            new DialogParameters<EvaluateDialog> { { d => d.Steps, _steps } }
        );
        if (await dialog.GetReturnValueAsync<string>() is { } protocol)
        {
            await Commands.EvaluateAsync(Run.Id, checkpoint, protocol);
            await LoadAsync();
            Watch();
        }
    }

    private async Task CancelAsync(EvaluationJob job)
    {
        await Commands.CancelAsync(job);
        await LoadAsync();
    }

    // Progress of evaluations is not announced; it is looked up while one is open and somebody watches.
    private void Watch()
    {
        if (_watch.IsCompleted && RendererInfo.IsInteractive && _jobs.Any(IsOpen))
        {
            _watch = WatchAsync();
        }
    }

    private async Task WatchAsync()
    {
        try
        {
            while (_jobs.Any(IsOpen))
            {
                await Task.Delay(Refresh, Gone);
                await InvokeAsync(LookAsync);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException || Disposed)
        {
            // the page is gone
        }
    }

    private async Task LookAsync()
    {
        try
        {
            await LoadAsync();
            StateHasChanged();
        }
        catch (DbException) when (!Disposed)
        {
            // The database is away: what is shown stays, and the next look may see more.
        }
    }

    // Every number measured on exactly this checkpoint: by a protocol, or by the trainer when it wrote it; the newest of each.
    private IEnumerable<Measured> MeasuredOn(RunCheckpoint checkpoint)
    {
        var records = _evaluations
            .Select(e => e.Record)
            .Where(r => r.CheckpointId == checkpoint.Id || (r.CheckpointId is null && r.Iteration == checkpoint.Iteration))
            .Reverse();
        foreach (var record in records.DistinctBy(r => r.Protocol))
        {
            var spread = record is { Repeats: > 1, Mean: { } mean, StandardDeviation: { } deviation }
                ? string.Create(CultureInfo.InvariantCulture, $" (mean {mean:G4} ± {deviation:G2})")
                : "";
            yield return new(
                record.Protocol,
                $"{(record.Repeats > 1 ? $"{record.Repeats} × " : "")}{Format.Count(record.Samples)} samples from seed "
                    + $"{record.FirstSeed}, {record.Steps} {(record.Steps == 1 ? "step" : "steps")} per image, {record.Weights} weights, "
                    + $"labels {record.LabelDistribution}, resize {record.Resize}",
                [
                    (Format.MetricName(record.Metric), Format.Distance(record.Metric, record.Value) + spread),
                    .. (record.Metrics ?? new Dictionary<string, double>())
                        .Where(m => m.Key != record.Metric)
                        .OrderBy(m => Array.IndexOf(Order, m.Key))
                        .ThenBy(m => m.Key)
                        .Select(m => (Format.MetricName(m.Key), m.Value.ToString("G4", CultureInfo.InvariantCulture))),
                ],
                record.Warnings ?? []
            );
        }
    }

    private sealed record Measured(
        string Protocol,
        string How,
        IReadOnlyList<(string Name, string Value)> Metrics,
        IReadOnlyList<string> Warnings
    );
}
