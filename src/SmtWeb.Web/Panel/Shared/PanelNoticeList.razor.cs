using Microsoft.AspNetCore.Components;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>Draws <see cref="PanelNotices"/>.</summary>
public sealed partial class PanelNoticeList
{
    [Inject]
    private PanelNotices Notices { get; set; } = default!;

    /// <inheritdoc/>
    public void Dispose() => Notices.Changed -= OnChanged;

    /// <inheritdoc/>
    protected override void OnInitialized() => Notices.Changed += OnChanged;

    private void OnChanged() => _ = InvokeAsync(StateHasChanged);

    private async Task UndoAsync(PanelNotice notice, Func<Task> undo)
    {
        Notices.Close(notice);
        await undo();
    }
}
