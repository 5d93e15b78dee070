using System.Security.Claims;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using SmtWeb.Runs;
using SmtWeb.Web.Panel.Shared;

namespace SmtWeb.Web.Panel.Runs;

/// <summary>Runs that were deleted and can be taken back.</summary>
public sealed partial class TrashPage
{
    private IReadOnlyList<TrashedRun>? _runs;
    private ClaimsPrincipal _person = new();
    private bool _busy;

    [CascadingParameter]
    private Task<AuthenticationState> Authentication { get; set; } = default!;

    [Inject]
    private IRunStore Store { get; set; } = default!;

    [Inject]
    private RunCommands Commands { get; set; } = default!;

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        _person = (await Authentication).User;
        _runs = await Store.TrashAsync();
    }

    private async Task DoAsync(Func<Task<bool>> change)
    {
        if (_busy)
        {
            return;
        }

        _busy = true;
        try
        {
            if (await change())
            {
                _runs = await Store.TrashAsync();
            }
        }
        finally
        {
            _busy = false;
        }
    }
}
