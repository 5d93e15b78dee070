using System.Globalization;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using SmtWeb.Data.Formats;
using SmtWeb.Runs;
using SmtWeb.Smt.Sampling;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Gallery;

/// <summary>
/// One-step samples of a run by class and seed. The images come from the same REST endpoint that programs use; class and
/// seeds are in the URL, so that a picture can be shown to others by its address.
/// </summary>
public sealed partial class GalleryPage : IAsyncDisposable
{
    private const int MostAtOnce = 256;
    private const int UsualCount = 64;
    private const int MostModels = 100;

    private IReadOnlyList<RunSummary> _models = [];
    private IReadOnlyDictionary<long, RunPicture> _pictures = new Dictionary<long, RunPicture>();
    private string _search = "";
    private IReadOnlyList<ClassChoice> _classes = [];
    private IReadOnlyList<int> _stepChoices = [];
    private RunSummary? _run;
    private bool _loaded;
    private bool _isPoints;
    private int _checkpoints;
    private ulong _first;
    private ulong _last = UsualCount - 1;
    private string _seedText = "";
    private string? _seedProblem;
    private ElementReference _root;
    private GalleryDrawing? _drawing;

    /// <summary>The run.</summary>
    [Parameter]
    public long? Run { get; set; }

    [SupplyParameterFromQuery]
    private int? Class { get; set; }

    [SupplyParameterFromQuery]
    private string? Seed { get; set; }

    [SupplyParameterFromQuery]
    private long? Checkpoint { get; set; }

    [SupplyParameterFromQuery]
    private int? Steps { get; set; }

    [Inject]
    private IRunStore Store { get; set; } = default!;

    [Inject]
    private IRunTable Table { get; set; } = default!;

    [Inject]
    private NavigationManager Navigation { get; set; } = default!;

    [Inject]
    private IJSRuntime Js { get; set; } = default!;

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        ReadSeeds();
        if (_run is not null && _run.Id == Run)
        {
            return;
        }

        _drawing?.Forget();
        var found = Run is { } id ? await Store.FindAsync(id) : null;
        _run = found?.Summary;
        if (_run is null)
        {
            await FindAsync(_search);
        }
        else
        {
            _checkpoints = (await Store.CheckpointsAsync(_run.Id)).Count;
            var shape = DataShape.Of(found!.Spec.Data);
            _isPoints = shape.IsPoints;
            _stepChoices = GenerationSteps.Of(found.Spec.Method);
            _classes = ClassChoice.Of(shape.ClassNames, shape.Synsets.Count > 0);
        }

        _loaded = true;
    }

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (_run is null || _checkpoints == 0 || _isPoints || _seedProblem is not null)
        {
            return;
        }

        await (_drawing ??= new(Js)).DrawAsync(
            _root,
            new(_run.Id, Checkpoint, Class, _classes.Count, _first, (int)(_last - _first + 1), Steps)
        );
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _drawing?.DisposeAsync() ?? default;

    // Those of the newest runs, or of the newest that have the words: never a query for each of thousands.
    private async Task FindAsync(string? search)
    {
        _search = search ?? "";
        var models = new List<RunSummary>();
        foreach (
            var run in (await Table.ReadAsync(new RunTableView { Search = _search, Take = MostModels })).Runs.Where(r => r.Iteration > 0)
        )
        {
            if ((await Store.CheckpointsAsync(run.Id)).Count > 0)
            {
                models.Add(run);
            }
        }

        _pictures = await Table.NewestPicturesAsync([.. models.Select(m => m.Id)]);
        _models = models;
    }

    private void ReadSeeds()
    {
        _seedText = Seed ?? $"0-{UsualCount - 1}";
        _seedProblem = null;
        var parts = _seedText.Split('-', StringSplitOptions.TrimEntries);
        if (
            parts.Length is not (1 or 2)
            || !ulong.TryParse(parts[0], CultureInfo.InvariantCulture, out var first)
            || !ulong.TryParse(parts[^1], CultureInfo.InvariantCulture, out var last)
        )
        {
            _seedProblem = $"Seeds are a whole number or a range such as 0-63 (up to {ulong.MaxValue}); \"{_seedText}\" is neither.";
        }
        else if (last < first || last - first >= MostAtOnce)
        {
            _seedProblem =
                last < first
                    ? $"The range {_seedText} ends before it begins."
                    : $"At most {MostAtOnce} seeds at once; {_seedText} is more.";
        }
        else
        {
            (_first, _last) = (first, last);
        }
    }

    private void SetSeeds() => Navigation.NavigateTo(Navigation.GetUriWithQueryParameter("seed", _seedText.Trim()));

    private void SetClass(int? value) => Navigation.NavigateTo(Navigation.GetUriWithQueryParameter("class", value));

    private string StepsLink(int steps) => Navigation.GetUriWithQueryParameter("steps", steps == 1 ? (int?)null : steps);

    private string SeedLink(int by)
    {
        var count = _last - _first + 1;
        var first =
            by > 0 ? (_last >= ulong.MaxValue - count ? _first : _last + 1)
            : _first < count ? 0
            : _first - count;
        return Navigation.GetUriWithQueryParameter("seed", $"{first}-{first + count - 1}");
    }
}
