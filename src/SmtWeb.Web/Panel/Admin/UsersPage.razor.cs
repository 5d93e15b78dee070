using Microsoft.AspNetCore.Components;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;
using SmtWeb.Web.Auth;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Admin;

/// <summary>Accounts: who may come in, and what each may do.</summary>
public sealed partial class UsersPage
{
    private static readonly IReadOnlyList<RoleChoice> Roles =
    [
        new(LabRoles.Admin, "Admin: everything, and manages people."),
        new(LabRoles.Member, "Member: starts, stops and compares runs."),
        new(LabRoles.Reviewer, "Reviewer: looks at runs and draws samples, changes nothing."),
    ];

    private IReadOnlyList<AccountInfo>? _users;
    private string _name = "";
    private string _role = LabRoles.Member;
    private string? _problem;
    private string? _link;
    private string? _linkFor;

    // A role that was refused stays chosen in the browser unless its row is made anew: nothing changed on this side.
    private int _shown;

    [Inject]
    private AccountService Accounts { get; set; } = default!;

    [Inject]
    private LiveRights Rights { get; set; } = default!;

    [Inject]
    private OneTimeLinks Links { get; set; } = default!;

    [Inject]
    private NavigationManager Navigation { get; set; } = default!;

    [Inject]
    private PanelQuestions Questions { get; set; } = default!;

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync() => _users = await Accounts.ListAsync();

    private async Task AddAsync()
    {
        if (await MayAsync() is not { } by)
        {
            return;
        }

        var (account, change) = await Accounts.CreateAsync(_name.Trim(), _role, by);
        _problem = change.Problem;
        if (account is not null)
        {
            await ShowLinkAsync(account, by);
            _name = "";
        }

        _users = await Accounts.ListAsync();
    }

    private Task SetRoleAsync(AccountInfo user, string? role) => ChangeAsync(by => Accounts.SetRoleAsync(user.Id, role!, by));

    private async Task ResetAsync(AccountInfo user)
    {
        var sure = await Questions.AskAsync(
            $"New link for {user.Name}?",
            "The present password stops working; the account opens only by the new link.",
            "Make a link",
            "Keep the password"
        );
        if (sure && await ChangeAsync(by => Accounts.ClearPasswordAsync(user.Id, by)) && await MayAsync() is { } maker)
        {
            await Links.RevokeAllAsync(user.Id);
            await ShowLinkAsync(user, maker);
        }
    }

    private Task CloseOrOpenAsync(AccountInfo user) => ChangeAsync(by => Accounts.SetDisabledAsync(user.Id, !user.Disabled, by));

    private async Task<bool> ChangeAsync(Func<Actor, Task<AccountChange?>> change)
    {
        if (await MayAsync() is not { } by)
        {
            return false;
        }

        var result = await change(by);
        _problem = result is null ? "This account no longer exists." : result.Problem;
        _users = await Accounts.ListAsync();
        _shown++;
        return _problem is null;
    }

    // An administrator who is one no longer must not make the next one from a page that is still open.
    private async Task<Actor?> MayAsync()
    {
        var person = await Rights.AskAsync(Policies.Appoint);
        _problem = person is not null ? null : "Your role does not allow this.";
        return person?.Actor();
    }

    private async Task ShowLinkAsync(AccountInfo user, Actor by)
    {
        _link = Navigation.BaseUri.TrimEnd('/') + await Links.CreateAsync(user.Id, by);
        _linkFor = user.Name;
    }

    private sealed record RoleChoice(string Name, string Help);
}
