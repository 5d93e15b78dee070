using Microsoft.AspNetCore.Components;
using SmtWeb.Runs;

namespace SmtWeb.Web.Panel.RunView;

/// <summary>Checkpoints of one run, newest first.</summary>
public sealed partial class CheckpointsTab
{
    private List<RunCheckpoint>? _checkpoints;

    /// <summary>The run.</summary>
    [Parameter, EditorRequired] public required RunSummary Run { get; set; }

    [Inject] private TimeProvider Clock { get; set; } = default!;

    private RunCheckpoint? Best => _checkpoints!.Where(c => c.Distance is not null).MinBy(c => c.Distance);

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        await FollowAsync(Run.Id);
        await LoadAsync();
    }

    /// <inheritdoc/>
    protected override async Task OnMessageAsync(RunMessage message)
    {
        if (message is CheckpointMessage)
        {
            await LoadAsync(); // a new one may have removed an old one
            StateHasChanged();
        }
    }

    private async Task LoadAsync() => _checkpoints = [.. (await Store.CheckpointsAsync(Run.Id, Gone)).Reverse()];
}
