using MudBlazor;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>
/// Says in the corner of the page what became of what a person asked for, in a sentence. <see cref="PanelNoticeList"/> draws it:
/// MudBlazor's own snackbar needs style elements, which the pages' policy refuses (ADR 31).
/// </summary>
public sealed class PanelNotices(TimeProvider clock)
{
    private const int MostShown = 4;

    private static readonly TimeSpan Glance = TimeSpan.FromSeconds(4),
        ToRead = TimeSpan.FromSeconds(10);

    private readonly Lock _sync = new();
    private readonly List<PanelNotice> _shown = [];

    /// <summary>What is shown has changed; told by any thread.</summary>
    internal event Action? Changed;

    /// <summary>What is shown, the oldest first.</summary>
    internal IReadOnlyList<PanelNotice> Shown
    {
        get
        {
            lock (_sync)
            {
                return [.. _shown];
            }
        }
    }

    /// <summary>It is done.</summary>
    public void Done(string sentence) => Add(new(VisibleText.Of(sentence), Severity.Success), Glance);

    /// <summary>It is done, and can be taken back with one click.</summary>
    public void Done(string sentence, Func<Task> undo) => Add(new(VisibleText.Of(sentence), Severity.Success, undo), ToRead);

    /// <summary>It was not done, for this reason.</summary>
    public void Refused(string reason) => Add(new(VisibleText.Of("Not done: " + reason), Severity.Warning), ToRead);

    /// <summary>It failed, or the person may not.</summary>
    public void Failed(string sentence) => Add(new(VisibleText.Of(sentence), Severity.Error), ToRead);

    /// <summary>Takes a notice away.</summary>
    internal void Close(PanelNotice notice)
    {
        lock (_sync)
        {
            _shown.Remove(notice);
        }

        Changed?.Invoke();
    }

    private void Add(PanelNotice notice, TimeSpan time)
    {
        lock (_sync)
        {
            _shown.Add(notice);
            if (_shown.Count > MostShown)
            {
                _shown.RemoveAt(0);
            }
        }

        Changed?.Invoke();
        _ = CloseLaterAsync(notice, time);
    }

    private async Task CloseLaterAsync(PanelNotice notice, TimeSpan time)
    {
        await Task.Delay(time, clock);
        Close(notice);
    }
}
