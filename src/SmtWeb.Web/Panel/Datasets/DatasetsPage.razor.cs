using Microsoft.AspNetCore.Components;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Runs.Datasets;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Datasets;

/// <summary>Registered data sets, and the registration of another one. The page looks again each second while a check goes on.</summary>
public sealed partial class DatasetsPage
{
    private IReadOnlyList<DatasetSummary>? _datasets;
    private IReadOnlyList<string> _there = [];
    private IReadOnlyList<string> _problems = [];
    private string _path = "";
    private string _name = "";
    private int _side;
    private bool _skip;
    private bool _busy;

    [Inject]
    private DatasetStore Store { get; set; } = default!;

    [Inject]
    private DatasetCommands Commands { get; set; } = default!;

    [Inject]
    private NavigationManager Navigation { get; set; } = default!;

    /// <inheritdoc/>
    protected override TimeSpan Between => TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    protected override bool GoesOn => _datasets?.Any(d => d.State is DatasetState.Queued or DatasetState.Checking) == true;

    /// <summary>What a data set is, in one line.</summary>
    public static string Describe(DatasetSummary d) =>
        d.State switch
        {
            DatasetState.Queued => "waits for a worker to check it",
            DatasetState.Checking => $"being checked{(d.Phase is null ? "" : $": {d.Phase}, {100 * d.Progress:0} %")}",
            DatasetState.Failed => "cannot be used",
            DatasetState.Ready =>
                $"{d.Kind} · {Format.Count(d.Records)} images of {d.Side}×{d.Side} · {(d.Channels == 1 ? "grey" : "RGB")} · "
                    + $"{(d.Classes == 0 ? "no classes" : $"{Format.Count(d.Classes)} classes")}{(d.CorruptCount > 0 ? $" · {Format.Count(d.CorruptCount)} skipped" : "")}",
        };

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        _datasets = await Store.ListAsync();
        LookAround();
    }

    /// <inheritdoc/>
    protected override async Task LookAsync() => _datasets = await Store.ListAsync(Gone);

    /// <summary>What lies in the folder and is not registered yet, to choose from.</summary>
    private void LookAround()
    {
        try
        {
            var known = _datasets!.Select(d => d.Path).ToHashSet();
            _there = Directory.Exists(DatasetRoot.Folder)
                ?
                [
                    .. Directory
                        .EnumerateFileSystemEntries(DatasetRoot.Folder)
                        .Select(p => Path.GetFileName(p))
                        .Where(p => p[0] != '.' && !known.Contains(p))
                        .Order(StringComparer.Ordinal)
                        .Take(100),
                ]
                : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _there = [];
        }
    }

    private Task<IEnumerable<string>> SearchAsync(string? text, CancellationToken ct) =>
        Task.FromResult(_there.Where(there => there.Contains(text ?? "", StringComparison.OrdinalIgnoreCase)));

    private async Task RegisterAsync()
    {
        _busy = true;
        try
        {
            var name = _name.Trim().Length > 0 ? _name : Path.GetFileName(_path.Trim().TrimEnd('/'));
            _problems = [];
            if (await Commands.RegisterAsync(name, _path, "", _skip, _side) is { } id)
            {
                Navigation.NavigateTo($"/datasets/{id}");
            }
        }
        catch (SpecException e)
        {
            _problems = [.. e.Errors.Select(x => x.Message)];
        }
        finally
        {
            _busy = false;
        }
    }
}
