using System.Globalization;
using Microsoft.AspNetCore.Components;
using SmtWeb.Runs;

namespace SmtWeb.Web.Panel.Compare;

/// <summary>Several runs: curves over each other, samples side by side, settings that differ. Which, is in the URL.</summary>
public sealed partial class ComparePage
{
    private const int Most = 8;
    private static readonly (string Name, string Label)[] Parts = [("curves", "Curves"), ("samples", "Samples"), ("config", "Config")];

    private IReadOnlyList<RunSummary>? _all;
    private List<RunDetail> _chosen = [];
    private List<long> _unknown = [];

    [SupplyParameterFromQuery(Name = "runs")] private string? Runs { get; set; }

    [SupplyParameterFromQuery(Name = "show")] private string? Show { get; set; }

    [Inject] private IRunStore Store { get; set; } = default!;

    [Inject] private NavigationManager Navigation { get; set; } = default!;

    private string Part => Parts.Any(p => p.Name == Show) ? Show! : Parts[0].Name;

    private IReadOnlyList<long> Ids =>
        [.. (Runs ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(t => long.TryParse(t, out var id) ? id : 0).Where(id => id > 0).Distinct().Take(Most)];

    private IEnumerable<RunSummary> Addable => _all!.Where(r => _chosen.All(c => c.Summary.Id != r.Id));

    private string Key => string.Join(",", _chosen.Select(r => r.Summary.Id));

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        var all = await Store.ListAsync();
        var found = new List<RunDetail>();
        foreach (var id in Ids)
        {
            if (await Store.FindAsync(id) is { } run)
            {
                found.Add(run);
            }
        }

        (_all, _chosen, _unknown) = (all, found, [.. Ids.Where(id => found.All(r => r.Summary.Id != id))]);
    }

    private string Link(IEnumerable<long> ids) => Navigation.GetUriWithQueryParameter("runs", string.Join(",", ids) is { Length: > 0 } list ? list : null);

    private Task<IEnumerable<RunSummary>> SearchAsync(string? text, CancellationToken ct)
    {
        var words = (text ?? "").TrimStart('#').Trim();
        return Task.FromResult(Addable.Where(r => r.Name.Contains(words, StringComparison.OrdinalIgnoreCase) || r.Id.ToString(CultureInfo.InvariantCulture).StartsWith(words, StringComparison.Ordinal)));
    }

    private void Add(RunSummary? run)
    {
        if (run is not null)
        {
            Navigation.NavigateTo(Link(Ids.Append(run.Id)));
        }
    }
}
