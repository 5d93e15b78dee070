using System.Globalization;
using Microsoft.AspNetCore.Components;
using SmtWeb.Runs;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Training;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Sweeps;

/// <summary>The paper's figures made of several runs: queued at once, and shown as one picture with one table.</summary>
public sealed partial class SweepsPage
{
    private IReadOnlyList<Entry>? _entries;
    private bool _busy;

    [SupplyParameterFromQuery(Name = "sweep")] private string? Name { get; set; }

    [Inject] private RunCommands Commands { get; set; } = default!;

    private Sweep Sweep => (Name is { } name ? SmtWeb.Smt.Specs.Sweeps.Find(name) : null) ?? SmtWeb.Smt.Specs.Sweeps.All[0];

    private bool IsPoints => Presets.Find(Sweep.Presets[0])!.Spec.Data is SwissRollSpec;

    private IReadOnlyList<long> Ids => [.. (_entries ?? []).Where(e => e.Run is not null).Select(e => e.Run!.Id)];

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        await FollowAllAsync();
        await LoadAsync();
    }

    /// <inheritdoc/>
    protected override Task OnMessageAsync(RunMessage message) => message is StateChangeMessage ? LoadAsync() : Task.CompletedTask;

    private async Task LoadAsync()
    {
        var newest = (await Store.ListAsync(Gone)).Where(r => r.Preset is not null).GroupBy(r => r.Preset!).ToDictionary(g => g.Key, g => g.MaxBy(r => r.Id)!);
        var entries = new List<Entry>();
        foreach (var name in Sweep.Presets)
        {
            var run = newest.GetValueOrDefault(name);
            entries.Add(new(Presets.Find(name)!, run, run is null ? null : await PictureAsync(run.Id), run is null || !IsPoints ? null : await OffRollAsync(run.Id)));
        }

        _entries = entries;
        StateHasChanged();
    }

    private async Task<RunPicture?> PictureAsync(long run) =>
        (await Store.PicturesAsync(run, Gone)).LastOrDefault(p => p.Kind is PictureKind.Samples or PictureKind.Scatter);

    private async Task<double?> OffRollAsync(long run) =>
        (await Store.MetricsAsync(run, ct: Gone)).Points.LastOrDefault(p => p.Name == MetricNames.OffRoll)?.Value;

    // the teacher goes first and the distillations last, so that one worker trains them in an order that works
    private async Task QueueAsync()
    {
        _busy = true;
        try
        {
            long? teacher = null;
            foreach (var name in Sweep.Presets.OrderBy(p => p == Sweep.Teacher ? 0 : 1))
            {
                var preset = Presets.Find(name)!;
                var smd = preset.Spec.Method as SmdSpec;
                var spec = smd is null ? preset.Spec : preset.Spec with { Method = smd with { Teacher = teacher?.ToString(CultureInfo.InvariantCulture) ?? "" } };
                var priority = name == Sweep.Teacher ? 1 : smd is null ? 0 : -1;
                if (await Commands.CreateAsync(by => new NewRun(preset.Title, spec, preset.Name, priority, by)) is not { } id)
                {
                    return;
                }

                teacher = name == Sweep.Teacher ? id : teacher;
            }
        }
        finally
        {
            _busy = false;
        }

        await LoadAsync();
    }

    private sealed record Entry(Preset Preset, RunSummary? Run, RunPicture? Picture, double? OffRoll);
}
