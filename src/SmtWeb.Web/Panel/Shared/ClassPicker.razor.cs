using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>Picks a class by name, WordNet id or number, by mouse or keys.</summary>
public sealed partial class ClassPicker
{
    private const int Most = 50;
    private const string None = "Every class in turn";

    private bool _open;
    private string _text = "";
    private int _at = -1;
    private IReadOnlyList<ClassChoice> _found = [];

    /// <summary>The classes, in the order of their labels.</summary>
    [Parameter, EditorRequired] public required IReadOnlyList<ClassChoice> Classes { get; set; }

    /// <summary>Label of the chosen class; null for every class.</summary>
    [Parameter] public int? Value { get; set; }

    /// <summary>Tells the choice.</summary>
    [Parameter] public EventCallback<int?> ValueChanged { get; set; }

    /// <summary>Whether "every class" can be chosen.</summary>
    [Parameter] public bool AllowNone { get; set; } = true;

    /// <summary>Id of the input, for its label.</summary>
    [Parameter] public string Id { get; set; } = "class";

    private string ShownValue => Value is { } label ? Classes.FirstOrDefault(c => c.Index == label)?.Text ?? $"{label} (no such class)" : "";

    private void Open()
    {
        if (_open)
        {
            return;
        }

        (_open, _text, _at, _found) = (true, "", -1, Classes);
    }

    private void Search(string? text)
    {
        _open = true;
        _text = text ?? "";
        _found = ClassChoice.Search(Classes, _text);
        _at = _found.Count > 0 && _text.Length > 0 ? 0 : -1;
    }

    private void CloseSoon() => _open = false;

    private async Task OnKeyAsync(KeyboardEventArgs e)
    {
        switch (e.Key)
        {
            case "ArrowDown" when !_open:
                Open();
                break;
            case "ArrowDown":
                _at = Math.Min(_at + 1, Math.Min(Most, _found.Count) - 1);
                break;
            case "ArrowUp" when _open:
                _at = Math.Max(_at - 1, 0);
                break;
            case "Enter" when _open && _at >= 0 && _at < _found.Count:
                await ChooseAsync(_found[_at].Index);
                break;
            case "Escape":
                _open = false;
                break;
        }
    }

    private async Task ChooseAsync(int? label)
    {
        _open = false;
        if (label != Value)
        {
            await ValueChanged.InvokeAsync(label);
        }
    }
}
