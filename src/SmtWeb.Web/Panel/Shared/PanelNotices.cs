using MudBlazor;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>Says in the corner of the page what became of what a person asked for, in a sentence.</summary>
public sealed class PanelNotices(ISnackbar snackbar)
{
    private const int Glance = 4000, ToRead = 10_000;

    /// <summary>It is done.</summary>
    public void Done(string sentence) => Add(sentence, Severity.Success, Glance);

    /// <summary>It was not done, for this reason.</summary>
    public void Refused(string reason) => Add("Not done: " + reason, Severity.Warning, ToRead);

    /// <summary>It failed, or the person may not.</summary>
    public void Failed(string sentence) => Add(sentence, Severity.Error, ToRead);

    private void Add(string sentence, Severity severity, int milliseconds) =>
        snackbar.Add(VisibleText.Of(sentence), severity, o =>
        {
            o.VisibleStateDuration = milliseconds;
            o.DuplicatesBehavior = SnackbarDuplicatesBehavior.Allow;
        });
}
