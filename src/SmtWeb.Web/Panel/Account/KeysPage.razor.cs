using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Account;

/// <summary>The API keys of the signed-in person: what each may do, until when, and when it was used last.</summary>
public sealed partial class KeysPage
{
    private static readonly int[] DayChoices = [7, 30, 90, ApiKeyService.UsualDays, 3 * ApiKeyService.UsualDays, ApiKeyService.MostDays];

    // What a key may be given, the roles that may give it, and what it means.
    private static readonly (string Scope, string[] Roles, string Help)[] Scopes =
    [
        (KeyScopes.Read, [LabRoles.Admin, LabRoles.Member, LabRoles.Reviewer], "look at runs, curves, samples, checkpoints"),
        (KeyScopes.Generate, [LabRoles.Admin, LabRoles.Member, LabRoles.Reviewer], "draw images"),
        (KeyScopes.Run, [LabRoles.Admin, LabRoles.Member], "queue runs and change your own; register data sets"),
        (KeyScopes.Administer, [LabRoles.Admin], "see and close accounts, change the runs of others"),
    ];

    private readonly HashSet<string> _scopes = [];
    private IReadOnlyList<(string Scope, string Help)> _offered = [];
    private int _days = ApiKeyService.UsualDays;
    private IReadOnlyList<ApiKeyInfo>? _keys;
    private NewApiKey? _made;
    private string _name = "";

    [CascadingParameter]
    private Task<AuthenticationState> Authentication { get; set; } = default!;

    [Inject]
    private ApiKeyService Keys { get; set; } = default!;

    [Inject]
    private LiveRights Rights { get; set; } = default!;

    [Inject]
    private PanelQuestions Questions { get; set; } = default!;

    [Inject]
    private PanelNotices Notices { get; set; } = default!;

    [Inject]
    private TimeProvider Clock { get; set; } = default!;

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        var person = (await Authentication).User;
        _offered = [.. Scopes.Where(s => s.Roles.Any(person.IsInRole)).Select(s => (s.Scope, s.Help))];
        _scopes.UnionWith(KeyScopes.Usual.Intersect(_offered.Select(s => s.Scope)));
        _keys = await Keys.ListAsync(person.UserId());
    }

    private static string DaysText(int days) =>
        days < ApiKeyService.UsualDays ? $"{days} days"
        : days == ApiKeyService.UsualDays ? "1 year"
        : $"{days / ApiKeyService.UsualDays} years";

    private bool IsOpen(ApiKeyInfo key) => key.Revoked is null && !(key.Expires <= Clock.GetUtcNow());

    private void Choose(string scope, bool on)
    {
        if (on)
        {
            _scopes.Add(scope);
        }
        else
        {
            _scopes.Remove(scope);
        }
    }

    private async Task<string> OwnerAsync() => (await Authentication).User.UserId();

    private async Task CreateAsync()
    {
        if (string.IsNullOrWhiteSpace(_name) || _scopes.Count == 0 || await Rights.AskAsync(Policies.Person) is not { } person)
        {
            return;
        }

        try
        {
            _made = await Keys.CreateAsync(person.UserId(), _name.Trim(), person.Actor(), _scopes, _days);
        }
        catch (ArgumentException e)
        {
            Notices.Refused(e.Message.Split(" (Parameter")[0]);
            return;
        }

        _name = "";
        _keys = await Keys.ListAsync(await OwnerAsync());
    }

    private async Task RevokeAsync(ApiKeyInfo key)
    {
        var sure = await Questions.AskAsync($"Revoke {key.Name}?", "Programs that use it are refused from now on.", "Revoke");
        if (sure && await Rights.AskAsync(Policies.Person) is { } person)
        {
            await Keys.RevokeAsync(key.Id, person.UserId(), person.Actor());
            _made = _made?.Key.Id == key.Id ? null : _made;
            _keys = await Keys.ListAsync(await OwnerAsync());
        }
    }
}
