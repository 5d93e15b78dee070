using Microsoft.AspNetCore.Components;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Panel.Admin;

/// <summary>The audit log, a page at a time.</summary>
public sealed partial class AuditPage
{
    private const int PageSize = 100;

    private IReadOnlyList<AuditEntry>? _lines;
    private string? _action = "";
    private string? _actor = "";

    /// <summary>Only this action.</summary>
    [SupplyParameterFromQuery] public string? Action { get; set; }

    /// <summary>Only this person.</summary>
    [SupplyParameterFromQuery] public string? Actor { get; set; }

    /// <summary>Only lines older than this one.</summary>
    [SupplyParameterFromQuery] public long? Before { get; set; }

    [Inject] private AuditLog Log { get; set; } = default!;

    [Inject] private NavigationManager Navigation { get; set; } = default!;

    private string Older => Navigation.GetUriWithQueryParameter("before", _lines![^1].Id);

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        (_action, _actor) = (Action ?? "", Actor ?? "");
        _lines = await Log.ListAsync(Before, PageSize, string.IsNullOrEmpty(Action) ? null : Action, string.IsNullOrEmpty(Actor) ? null : Actor.Replace("\0", ""));
    }

    // What is asked for is in the address, and begins with the newest line.
    private void Show() => Navigation.NavigateTo(Navigation.GetUriWithQueryParameters(new Dictionary<string, object?>
    {
        ["action"] = string.IsNullOrEmpty(_action) ? null : _action,
        ["actor"] = string.IsNullOrWhiteSpace(_actor) ? null : _actor.Trim(),
        ["before"] = null,
    }));
}
