using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Runs;
using SmtWeb.Runs.Datasets;
using SmtWeb.Runs.Weights;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Teachers;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Start;

/// <summary>
/// A run from a preset or like another run: every setting of the spec, generated from the spec's own description and
/// validated as one types by the rules that REST and the worker use. What is typed is kept in the browser's tab.
/// </summary>
public sealed partial class NewRunPage
{
    private readonly HashSet<string> _open = [];
    private SpecDraft _draft = SpecDraft.From(Presets.All[0]);
    private string? _source;
    private ForkPoint? _fork;
    private long _forkedAt;
    private string? _problem;
    private string? _loaded;
    private bool _busy;
    private bool _copied;
    private bool _restored;
    private string? _wanted;

    [SupplyParameterFromQuery(Name = "preset")]
    private string? PresetName { get; set; }

    /// <summary>A registered data set in place of the preset's data.</summary>
    [SupplyParameterFromQuery(Name = "data")]
    private long? DataOf { get; set; }

    /// <summary>An imported model to distil.</summary>
    [SupplyParameterFromQuery(Name = "teacher")]
    private string? TeacherName { get; set; }

    [Inject]
    private IModelStore Models { get; set; } = default!;

    [Inject]
    private DatasetStore Datasets { get; set; } = default!;

    [SupplyParameterFromQuery(Name = "clone")]
    private long? CloneOf { get; set; }

    /// <summary>A run to fork.</summary>
    [SupplyParameterFromQuery(Name = "fork")]
    private long? ForkOf { get; set; }

    /// <summary>Its checkpoint; the newest where there is none.</summary>
    [SupplyParameterFromQuery(Name = "checkpoint")]
    private long? CheckpointOf { get; set; }

    [Inject]
    private IRunStore Store { get; set; } = default!;

    [Inject]
    private RunCommands Commands { get; set; } = default!;

    [Inject]
    private NavigationManager Navigation { get; set; } = default!;

    [Inject]
    private IJSRuntime Js { get; set; } = default!;

    private bool CanQueue => !_busy && _draft.Errors.Count == 0 && NameError is null;

    private string? NameError => string.IsNullOrWhiteSpace(_draft.Name) ? "Give the run a name, so that you find it again." : null;

    private string Query =>
        ForkOf is { } forked ? $"?fork={forked}&checkpoint={CheckpointOf}"
        : CloneOf is { } run ? $"?clone={run}"
        : PresetName is { } preset ? $"?preset={preset}"
        : DataOf is { } data ? $"?data={data}"
        : TeacherName is { } teacher ? $"?teacher={Uri.EscapeDataString(teacher)}"
        : "";

    private string KeepKey => "new-run" + Query;

    private string FoldsKey => "folds-of-" + KeepKey;

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        if (_loaded == KeepKey)
        {
            return;
        }

        _loaded = KeepKey;
        _restored = false;
        await StartAsync();
    }

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (_restored && _wanted is null)
        {
            return;
        }

        await using var page = await PageAsync();
        if (_wanted is { } wanted)
        {
            _wanted = null;
            await page.InvokeVoidAsync("focus", SpecField.IdOf(wanted));
            return;
        }

        _restored = true;
        var kept = await page.InvokeAsync<string?>("kept", KeepKey);
        var open = await page.InvokeAsync<string?>("kept", FoldsKey);
        if (kept is not null && SpecDraft.TryRead(kept, _draft) is { } draft)
        {
            _draft = draft;
        }

        _open.UnionWith((open ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries));
        if (kept is not null || open is not null)
        {
            StateHasChanged();
        }
    }

    private async Task StartAsync()
    {
        _problem = _source = null;
        _fork = null;
        if (ForkOf is { } forked)
        {
            if (
                await Store.FindAsync(forked) is { } parent
                && (await Store.CheckpointsAsync(forked)).LastOrDefault(c => CheckpointOf is null || c.Id == CheckpointOf) is { } checkpoint
            )
            {
                (_source, _fork, _forkedAt) = (parent.Summary.Name, new(forked, checkpoint.Id), checkpoint.Iteration);
                _draft = SpecDraft.From(parent, checkpoint);
                return;
            }

            _problem = $"Run {forked} has no such checkpoint any more; its page shows those that it has. This is the first preset instead.";
        }

        if (CloneOf is { } id)
        {
            if (await Store.FindAsync(id) is { } run)
            {
                _source = run.Summary.Name;
                _draft = SpecDraft.From(run);
                return;
            }

            _problem = $"There is no run {id} to clone; it may have been deleted. This is the first preset instead.";
        }

        var dataset = DataOf is { } chosen ? await Datasets.FindAsync(chosen) : null;
        var teacher = TeacherName is null ? null : (await Models.FindAsync(TeacherName))?.Description;
        // images need a network for images to begin with, a teacher the method that distils it
        var first =
            teacher is not null ? Presets.Find(teacher.Network is AdmSpec ? "paper/imagenet64-smd" : "paper/cifar10-smd")!
            : dataset is null ? Presets.All[0]
            : Presets.All.First(p => p.Spec.Network is not MlpSpec);
        var preset = PresetName is null ? first : Presets.Find(PresetName);
        if (preset is null)
        {
            _problem = $"There is no preset \"{PresetName}\". This is the first one instead.";
        }

        if (TeacherName is not null && teacher is null)
        {
            _problem = $"There is no model \"{TeacherName}\"; it may have been deleted. This is the first preset instead.";
        }

        _draft = SpecDraft.From(preset ?? first);
        if (teacher is not null)
        {
            _draft.SetTeacher(teacher);
            _draft.Name = $"{teacher.Name}, distilled";
            dataset ??= (await Datasets.ListAsync()).FirstOrDefault(d => d.State == DatasetState.Ready && Fits(d, teacher));
            if (
                dataset is null
                && DataShape.Of(_draft.Spec.Data) is var shape
                && (shape.Side, shape.Channels) != (teacher.Resolution, teacher.Channels)
            )
            {
                _problem =
                    $"{teacher.Name} draws {teacher.Channels}×{teacher.Resolution}×{teacher.Resolution} "
                    + $"images{(teacher.Classes > 0 ? $" of {teacher.Classes} classes" : "")}, and no registered data set is of that "
                    + "kind. Register one on the page Data sets, then distil.";
            }
        }

        if (dataset is { State: DatasetState.Ready })
        {
            var data = DatasetStore.SpecOf(dataset);
            _draft.SetData(teacher is null ? data : data with { Conditional = teacher.Classes > 0 });
            _draft.Name = teacher is null ? dataset.Name : _draft.Name;
        }
    }

    // an unconditional teacher takes data with or without labels
    private static bool Fits(DatasetSummary data, TeacherDescription teacher) =>
        (data.Side, data.Channels) == (teacher.Resolution, teacher.Channels) && (teacher.Classes == 0 || data.Classes == teacher.Classes);

    private Task SetName(string? name)
    {
        _draft.Name = name ?? "";
        return OnChangedAsync();
    }

    private Task SetPriority(int priority)
    {
        _draft.Priority = priority;
        return OnChangedAsync();
    }

    private void BeginWith(string? preset) => Navigation.NavigateTo($"/runs/new?preset={preset}");

    private Task FoldAsync(string section, bool open)
    {
        _ = open ? _open.Add(section) : _open.Remove(section);
        return KeepFoldsAsync();
    }

    private Task FoldAllAsync()
    {
        if (_open.Count > 0)
        {
            _open.Clear();
        }
        else
        {
            _open.UnionWith(_draft.Sections.Select(s => s.Name));
        }

        return KeepFoldsAsync();
    }

    private async Task KeepFoldsAsync()
    {
        await using var page = await PageAsync();
        await page.InvokeVoidAsync("keep", FoldsKey, string.Join(',', _open));
    }

    // Unfolds what is wrong; the field is focused once it is there.
    private Task ShowAsync(string path)
    {
        _wanted = path;
        return _draft.SectionOf(path) is { } section ? FoldAsync(section.Name, true) : Task.CompletedTask;
    }

    private async Task OnChangedAsync()
    {
        _copied = false;
        await using var page = await PageAsync();
        await page.InvokeVoidAsync("keep", KeepKey, _draft.Write());
    }

    private async Task StartOverAsync()
    {
        await using var page = await PageAsync();
        await page.InvokeVoidAsync("keep", KeepKey, null);
        await StartAsync();
    }

    private async Task CopyAsync()
    {
        await using var page = await PageAsync();
        _copied = await page.InvokeAsync<bool>("copy", _draft.Json);
    }

    private async Task QueueAsync()
    {
        if (!CanQueue)
        {
            return;
        }

        _busy = true;
        try
        {
            if (
                await Commands.CreateAsync(by => new NewRun(_draft.Name.Trim(), _draft.Spec, _draft.Preset, _draft.Priority, by)
                {
                    Fork = _fork,
                }) is
                { } id
            )
            {
                await using var page = await PageAsync();
                await page.InvokeVoidAsync("keep", KeepKey, null);
                Navigation.NavigateTo($"/runs/{id}/charts");
            }
        }
        catch (SpecException e)
        {
            _problem = string.Join(
                " ",
                e.Errors.Select(x =>
                    x.Path.StartsWith("$.fork", StringComparison.Ordinal) ? x.Message : $"{_draft.LabelOf(x.Path)}: {x.Message}"
                )
            );
        }
        finally
        {
            _busy = false;
        }
    }

    private ValueTask<IJSObjectReference> PageAsync() => Js.InvokeAsync<IJSObjectReference>("import", "./js/page.js");
}
