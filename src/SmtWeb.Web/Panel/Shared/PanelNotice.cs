using MudBlazor;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>A sentence in the corner of the page; <paramref name="undo"/> takes back what it tells.</summary>
internal sealed class PanelNotice(string sentence, Severity severity, Func<Task>? undo = null)
{
    /// <summary>What became of it.</summary>
    internal string Sentence { get; } = sentence;

    /// <summary>How it went.</summary>
    internal Severity Severity { get; } = severity;

    /// <summary>Takes it back; null where that cannot be.</summary>
    internal Func<Task>? Undo { get; } = undo;
}
