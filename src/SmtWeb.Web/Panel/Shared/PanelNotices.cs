using MudBlazor;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>Says in the corner of the page what became of what a person asked for, in a sentence.</summary>
public sealed class PanelNotices(ISnackbar snackbar)
{
    private const int Glance = 4000, ToRead = 10_000;

    /// <summary>It is done.</summary>
    public void Done(string sentence) => Add(sentence, Severity.Success, Glance);

    /// <summary>It is done, and can be taken back with one click.</summary>
    public void Done(string sentence, Func<Task> undo) => Add(sentence, Severity.Success, ToRead, undo);

    /// <summary>It was not done, for this reason.</summary>
    public void Refused(string reason) => Add("Not done: " + reason, Severity.Warning, ToRead);

    /// <summary>It failed, or the person may not.</summary>
    public void Failed(string sentence) => Add(sentence, Severity.Error, ToRead);

    private void Add(string sentence, Severity severity, int milliseconds, Func<Task>? undo = null) =>
        snackbar.Add(VisibleText.Of(sentence), severity, o =>
        {
            o.VisibleStateDuration = milliseconds;
            o.DuplicatesBehavior = SnackbarDuplicatesBehavior.Allow;
            if (undo is not null)
            {
                (o.Action, o.ActionColor) = ("Undo", Color.Inherit);
                o.OnClick = _ => undo();
                o.CloseAfterNavigation = false;
            }
        });
}
