using Microsoft.AspNetCore.Components;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Panel.Admin;

/// <summary>The audit log, a page at a time.</summary>
public sealed partial class AuditPage
{
    private const int PageSize = 100;

    private IReadOnlyList<AuditEntry>? _lines;

    /// <summary>Only this action.</summary>
    [SupplyParameterFromQuery]
    public string? Action { get; set; }

    /// <summary>Only this person.</summary>
    [SupplyParameterFromQuery]
    public string? Actor { get; set; }

    /// <summary>Only lines older than this one.</summary>
    [SupplyParameterFromQuery]
    public long? Before { get; set; }

    [Inject]
    private AuditLog Log { get; set; } = default!;

    [Inject]
    private NavigationManager Navigation { get; set; } = default!;

    private string Older => Navigation.GetUriWithQueryParameter("before", _lines![^1].Id);

    private void Show(string? action, string? actor) =>
        Navigation.NavigateTo(
            Navigation.GetUriWithQueryParameters(
                new Dictionary<string, object?>
                {
                    ["action"] = string.IsNullOrEmpty(action) ? null : action,
                    ["actor"] = string.IsNullOrEmpty(actor) ? null : actor,
                    ["before"] = null,
                }
            )
        );

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync() =>
        _lines = await Log.ListAsync(
            Before,
            PageSize,
            string.IsNullOrEmpty(Action) ? null : Action,
            string.IsNullOrEmpty(Actor) ? null : Actor.Replace("\0", "")
        );
}
