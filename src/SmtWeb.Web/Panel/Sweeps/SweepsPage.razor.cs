using System.Globalization;
using Microsoft.AspNetCore.Components;
using SmtWeb.Data.Formats;
using SmtWeb.Runs;
using SmtWeb.Smt.Methods.Shared;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Sweeps;

/// <summary>The paper's figures made of several runs: queued at once, and shown as one picture with one table.</summary>
public sealed partial class SweepsPage
{
    private List<Entry>? _entries;
    private bool _busy;
    private bool _inMinutes = true;

    [SupplyParameterFromQuery(Name = "sweep")]
    private string? Name { get; set; }

    [Inject]
    private RunCommands Commands { get; set; } = default!;

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
    protected override async Task OnMessageAsync(RunMessage message)
    {
        if (_entries is null)
        {
            return;
        }

        switch (message)
        {
            case StateChangeMessage { Summary: { } summary }:
                var k = _entries.FindIndex(e => e.Preset.Name == summary.Preset);
                if (k < 0 || _entries[k].Run is { } known && known.Id > summary.Id)
                {
                    return;
                }

                // most of these tell of progress alone: nothing is read again
                _entries[k] =
                    _entries[k].Run?.Id == summary.Id ? _entries[k] with { Run = summary } : await EntryAsync(_entries[k].Preset, summary);
                break;
            case EvaluationMessage when _entries.FindIndex(e => e.Run?.Id == message.RunId) is >= 0 and var at:
                _entries[at] = await EntryAsync(_entries[at].Preset, _entries[at].Run);
                break;
            case StateChangeMessage when _entries.Exists(e => e.Run?.Id == message.RunId):
                await LoadAsync(); // deleted: the one before it takes its place
                break;
            default:
                return;
        }

        StateHasChanged();
    }

    private async Task LoadAsync()
    {
        var newest = (await Store.ListAsync(Gone))
            .Where(r => r.Preset is not null)
            .GroupBy(r => r.Preset!)
            .ToDictionary(g => g.Key, g => g.MaxBy(r => r.Id)!);
        var entries = new List<Entry>();
        foreach (var name in Sweep.Presets)
        {
            entries.Add(await EntryAsync(Presets.Find(name)!, newest.GetValueOrDefault(name)));
        }

        _entries = entries;
        StateHasChanged();
    }

    private async Task<Entry> EntryAsync(Preset preset, RunSummary? run) =>
        run is null
            ? new(preset, null, null, null)
            : new(preset, run, await PictureAsync(run.Id), IsPoints ? await OffRollAsync(run.Id) : null);

    private async Task<RunPicture?> PictureAsync(long run) =>
        (await Store.PicturesAsync(run, Gone)).LastOrDefault(p => p.Kind is PictureKind.Samples or PictureKind.Scatter);

    private async Task<double?> OffRollAsync(long run) =>
        (await Store.MetricsAsync(run, ct: Gone)).Points.LastOrDefault(p => p.Name == MetricNames.OffRoll)?.Value;

    // the teacher goes first, since distillations wait for it
    private async Task QueueAsync()
    {
        _busy = true;
        try
        {
            long? teacher = null;
            foreach (var name in Sweep.Presets.OrderBy(p => p == Sweep.Teacher ? 0 : 1))
            {
                var preset = Presets.Find(name)!;
                var spec =
                    IsPoints && _inMinutes
                        ? SmtWeb.Smt.Specs.Sweeps.InMinutes(preset.Spec, SmtWeb.Smt.Specs.Sweeps.IterationsInMinutes)
                        : preset.Spec;
                var smd = spec.Method as SmdSpec;
                spec = smd is null
                    ? spec
                    : spec with
                    {
                        Method = smd with { Teacher = teacher?.ToString(CultureInfo.InvariantCulture) ?? "" },
                    };
                var priority = name == Sweep.Teacher ? 1 : 0;
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
