using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Account;

/// <summary>The API keys of the signed-in person.</summary>
public sealed partial class KeysPage
{
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

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync() => _keys = await Keys.ListAsync(await OwnerAsync());

    private async Task<string> OwnerAsync() => (await Authentication).User.UserId();

    private async Task CreateAsync()
    {
        if (string.IsNullOrWhiteSpace(_name) || await Rights.AskAsync(Policies.Person) is not { } person)
        {
            return;
        }

        try
        {
            _made = await Keys.CreateAsync(person.UserId(), _name.Trim(), person.Actor());
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
