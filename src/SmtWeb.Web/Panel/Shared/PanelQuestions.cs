using MudBlazor;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>Asks before something that cannot be undone with a click.</summary>
public sealed class PanelQuestions(IDialogService dialogs)
{
    /// <summary>True where the person says <paramref name="yes"/>; Escape and a click beside the dialog say no.</summary>
    public async Task<bool> AskAsync(string title, string text, string yes, string no = "Keep it")
    {
        var dialog = await dialogs.ShowAsync<ConfirmDialog>(
            title,
            new DialogParameters<ConfirmDialog>
            {
                { d => d.Text, text },
                { d => d.Yes, yes },
                { d => d.No, no },
            }
        );
        return await dialog.Result is { Canceled: false };
    }
}
