using Microsoft.AspNetCore.Components;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>Picks a class by name, WordNet id or number, by mouse or keys.</summary>
public sealed partial class ClassPicker
{
    private const int Most = 50;
    private const string None = "Every class in turn";

    private int _found;

    /// <summary>The classes, in the order of their labels.</summary>
    [Parameter, EditorRequired]
    public required IReadOnlyList<ClassChoice> Classes { get; set; }

    /// <summary>Label of the chosen class; null for every class.</summary>
    [Parameter]
    public int? Value { get; set; }

    /// <summary>Tells the choice.</summary>
    [Parameter]
    public EventCallback<int?> ValueChanged { get; set; }

    /// <summary>Whether "every class" can be chosen.</summary>
    [Parameter]
    public bool AllowNone { get; set; } = true;

    /// <summary>Id of the input, for its label.</summary>
    [Parameter]
    public string Id { get; set; } = "class";

    private ClassChoice? Chosen =>
        Value is { } label ? Classes.FirstOrDefault(c => c.Index == label) ?? new ClassChoice(label, "no such class", "") : null;

    // The text of what is chosen is no search: whoever opens the list sees all of it.
    private Task<IEnumerable<ClassChoice>> SearchAsync(string? text, CancellationToken ct)
    {
        var found = ClassChoice.Search(Classes, text == Chosen?.Text ? "" : text);
        _found = found.Count;
        return Task.FromResult<IEnumerable<ClassChoice>>(found);
    }

    private Task ClearAsync() => ValueChanged.InvokeAsync(null);

    // An emptied field means every class, where that can be chosen.
    private Task ChooseAsync(ClassChoice? choice) =>
        choice?.Index == Value || (choice is null && !AllowNone) ? Task.CompletedTask : ValueChanged.InvokeAsync(choice?.Index);
}
