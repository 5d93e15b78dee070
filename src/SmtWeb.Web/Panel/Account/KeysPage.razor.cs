using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.JSInterop;
using Radzen;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth;

namespace SmtWeb.Web.Panel.Account;

/// <summary>The API keys of the signed-in person.</summary>
public sealed partial class KeysPage
{
    private IReadOnlyList<ApiKeyInfo>? _keys;
    private NewApiKey? _made;
    private string _name = "";
    private bool _copied;

    [CascadingParameter] private Task<AuthenticationState> Authentication { get; set; } = default!;

    [Inject] private ApiKeyService Keys { get; set; } = default!;

    [Inject] private LiveRights Rights { get; set; } = default!;

    [Inject] private DialogService Dialogs { get; set; } = default!;

    [Inject] private IJSRuntime Js { get; set; } = default!;

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
            await Dialogs.Alert(e.Message.Split(" (Parameter")[0], "No key was made");
            return;
        }

        (_name, _copied) = ("", false);
        _keys = await Keys.ListAsync(await OwnerAsync());
    }

    private async Task RevokeAsync(ApiKeyInfo key)
    {
        var sure = await Dialogs.Confirm("Programs that use it are refused from now on.", $"Revoke {key.Name}?", new ConfirmOptions { OkButtonText = "Revoke", CancelButtonText = "Keep it" });
        if (sure == true && await Rights.AskAsync(Policies.Person) is { } person)
        {
            await Keys.RevokeAsync(key.Id, person.UserId(), person.Actor());
            _made = _made?.Key.Id == key.Id ? null : _made;
            _keys = await Keys.ListAsync(await OwnerAsync());
        }
    }

    private async Task CopyAsync()
    {
        await using var page = await Js.InvokeAsync<IJSObjectReference>("import", "./js/page.js");
        _copied = await page.InvokeAsync<bool>("copy", _made!.Secret);
    }
}
