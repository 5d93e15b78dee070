using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using SmtWeb.Runs;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>What can be done with a run in its present state; what only its owner may is shown to others, disabled.</summary>
public sealed partial class RunActions
{
    private bool _busy;
    private string? _refusal;

    /// <summary>The run.</summary>
    [Parameter, EditorRequired]
    public required RunSummary Run { get; set; }

    /// <summary>With words (on the run's page) or with icons only (in a table).</summary>
    [Parameter]
    public bool Labels { get; set; }

    [CascadingParameter]
    private Task<AuthenticationState> Authentication { get; set; } = default!;

    [Inject]
    private RunCommands Commands { get; set; } = default!;

    [Inject]
    private NavigationManager Navigation { get; set; } = default!;

    private string CloneLink => $"/runs/new?clone={Run.Id}";

    private string About(string verb) => $"{verb} {VisibleText.Of(Run.Name)}";

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync() => _refusal = Commands.Refusal(Run, (await Authentication).User);

    // The buttons stay enabled meanwhile: one that is disabled cannot take the focus back when its question is answered.
    private async Task Do(Func<RunSummary, Task<bool>> change)
    {
        if (_busy)
        {
            return;
        }

        _busy = true;
        try
        {
            await change(Run);
        }
        finally
        {
            _busy = false;
        }
    }

    private Task DeleteAsync() =>
        Do(async run =>
        {
            var deleted = await Commands.DeleteAsync(run);
            if (deleted)
            {
                Navigation.NavigateTo("/runs");
            }

            return deleted;
        });
}
