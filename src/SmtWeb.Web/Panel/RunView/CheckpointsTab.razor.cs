using System.Globalization;
using Microsoft.AspNetCore.Components;
using SmtWeb.Runs;
using SmtWeb.Runs.Model;
using SmtWeb.Runs.Queue;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.RunView;

/// <summary>Checkpoints of one run, newest first, and the evaluations of them that were queued.</summary>
public sealed partial class CheckpointsTab
{
    private static readonly TimeSpan Refresh = TimeSpan.FromSeconds(2);

    private List<RunCheckpoint>? _checkpoints;
    private IReadOnlyList<RunEvaluation> _evaluations = [];
    private IReadOnlyList<EvaluationJob> _jobs = [];
    private string? _problem;
    private int _menu; // a new number closes the open menu
    private Task _watch = Task.CompletedTask;

    /// <summary>The run.</summary>
    [Parameter, EditorRequired] public required RunSummary Run { get; set; }

    [Inject] private TimeProvider Clock { get; set; } = default!;

    [Inject] private EvaluationQueue Queue { get; set; } = default!;

    private RunCheckpoint? Best => _checkpoints!.Where(c => c.Distance is not null).MinBy(c => c.Distance);

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        await FollowAsync(Run.Id);
        await LoadAsync();
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

    private async Task EvaluateAsync(RunCheckpoint checkpoint, string protocol, string? by)
    {
        _problem = (await Queue.EnqueueAsync(Run.Id, checkpoint.Id, protocol, by ?? "", Gone)).Problem;
        _menu++;
        await LoadAsync();
        Watch();
    }

    private async Task CancelAsync(EvaluationJob job)
    {
        _problem = (await Queue.CancelAsync(job.Id, Gone)).Problem;
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
                await InvokeAsync(async () =>
                {
                    await LoadAsync();
                    StateHasChanged();
                });
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException || Disposed)
        {
            // the page is gone
        }
    }

    // Every number measured on exactly this checkpoint: by a protocol, or by the trainer when it wrote it.
    private IEnumerable<(string Name, string Value, string How)> MetricsOf(RunCheckpoint checkpoint)
    {
        foreach (var record in _evaluations.Select(e => e.Record).Where(r => r.CheckpointId == checkpoint.Id || (r.CheckpointId is null && r.Iteration == checkpoint.Iteration)).Reverse())
        {
            var how = $"{record.Protocol}: {(record.Repeats > 1 ? $"{record.Repeats} times " : "")}{record.Samples:N0} samples from seed {record.FirstSeed}, {record.Weights} weights, labels {record.LabelDistribution}, resize {record.Resize}";
            var spread = record is { Repeats: > 1, Mean: { } mean, StandardDeviation: { } deviation } ? string.Create(CultureInfo.InvariantCulture, $" (mean {mean:G4} ± {deviation:G2})") : "";
            yield return ($"{Format.MetricName(record.Metric)} ({record.Protocol})", Format.Distance(record.Metric, record.Value) + spread, how);
            foreach (var (name, value) in (record.Metrics ?? new Dictionary<string, double>()).Where(m => m.Key != record.Metric))
                yield return ($"{name} ({record.Protocol})", value.ToString("G4", CultureInfo.InvariantCulture), how);
        }
    }
}
