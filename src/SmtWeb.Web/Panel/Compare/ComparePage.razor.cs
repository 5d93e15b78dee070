using Microsoft.AspNetCore.Components;
using SmtWeb.Runs;

namespace SmtWeb.Web.Panel.Compare;

/// <summary>Several runs: curves over each other, samples side by side, settings that differ. Which, is in the URL.</summary>
public sealed partial class ComparePage
{
    private const int Most = 8;
    private static readonly (string Name, string Label)[] Parts = [("curves", "Curves"), ("samples", "Samples"), ("config", "Config")];

    private bool _loaded;
    private List<RunDetail> _chosen = [];
    private List<long> _unknown = [];

    [SupplyParameterFromQuery(Name = "runs")]
    private string? Runs { get; set; }

    [SupplyParameterFromQuery(Name = "show")]
    private string? Show { get; set; }

    [Inject]
    private IRunStore Store { get; set; } = default!;

    [Inject]
    private IRunTable Table { get; set; } = default!;

    [Inject]
    private NavigationManager Navigation { get; set; } = default!;

    private string Part => Parts.Any(p => p.Name == Show) ? Show! : Parts[0].Name;

    private IReadOnlyList<long> Ids =>
        [
            .. (Runs ?? "")
                .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(t => long.TryParse(t, out var id) ? id : 0)
                .Where(id => id > 0)
                .Distinct()
                .Take(Most),
        ];

    private string Key => string.Join(",", _chosen.Select(r => r.Summary.Id));

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        var found = new List<RunDetail>();
        foreach (var id in Ids)
        {
            if (await Store.FindAsync(id) is { } run)
            {
                found.Add(run);
            }
        }

        (_loaded, _chosen, _unknown) = (true, found, [.. Ids.Where(id => found.All(r => r.Summary.Id != id))]);
    }

    private string Link(IEnumerable<long> ids) =>
        Navigation.GetUriWithQueryParameter("runs", string.Join(",", ids) is { Length: > 0 } list ? list : null);

    private async Task<IEnumerable<RunSummary>> SearchAsync(string? text, CancellationToken ct) =>
        (await Table.ReadAsync(new RunTableView { Search = text }, ct)).Runs.Where(r => _chosen.All(c => c.Summary.Id != r.Id));

    private void Add(RunSummary? run)
    {
        if (run is not null)
        {
            Navigation.NavigateTo(Link(Ids.Append(run.Id)));
        }
    }
}
