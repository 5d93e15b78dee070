using Microsoft.AspNetCore.Components;
using SmtWeb.Data.Formats;
using SmtWeb.Runs.Datasets;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Datasets;

/// <summary>One data set: what its check found, a grid of real samples, its classes.</summary>
public sealed partial class DatasetPage
{
    private DatasetSummary? _dataset;
    private IReadOnlyList<ClassChoice> _classes = [];
    private string _search = "";
    private bool _loaded;

    /// <summary>The data set.</summary>
    [Parameter]
    public long Id { get; set; }

    [Inject]
    private DatasetStore Store { get; set; } = default!;

    [Inject]
    private DatasetCommands Commands { get; set; } = default!;

    [Inject]
    private NavigationManager Navigation { get; set; } = default!;

    /// <inheritdoc/>
    protected override TimeSpan Between => TimeSpan.FromMilliseconds(700);

    /// <inheritdoc/>
    protected override bool GoesOn => _dataset is { State: DatasetState.Queued or DatasetState.Checking };

    private bool HasSynsets => _classes.Any(c => c.Synset.Length > 0);

    private IReadOnlyList<ClassChoice> Found => ClassChoice.Search(_classes, _search);

    private int Zoom => _dataset is { Side: <= 32 and > 0 } ? 2 : 1;

    /// <summary>A row of the grid is a class where there are few.</summary>
    private IReadOnlyList<string> RowLabels
    {
        get
        {
            if (_dataset is not { Classes: > 0, SampleColumns: > 0 } d)
            {
                return [];
            }

            var rows = d.SampleLabels.Chunk(d.SampleColumns).ToList();
            return rows.All(r => r.Length == d.SampleColumns && r.All(l => l == r[0]))
                ? [.. rows.Select(r => ClassChoice.Numbered(r[0], d.ClassName(r[0])))]
                : [];
        }
    }

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        await LoadAsync();
        _loaded = true;
    }

    /// <inheritdoc/>
    protected override Task LookAsync() => LoadAsync();

    private async Task LoadAsync()
    {
        _dataset = await Store.FindAsync(Id);
        _classes = _dataset is null
            ? []
            : ClassChoice.Of(
                [.. Enumerable.Range(0, _dataset.Classes).Select(_dataset.ClassName)],
                _dataset.ClassNames.SequenceEqual(ImageNetClasses.Names)
            );
    }

    private async Task CheckAsync(bool skipCorrupt)
    {
        await Commands.CheckAgainAsync(_dataset!, skipCorrupt);
        await LoadAsync();
    }

    private async Task ForgetAsync()
    {
        if (await Commands.ForgetAsync(_dataset!))
        {
            Navigation.NavigateTo("/datasets");
        }
    }
}
