using System.Globalization;
using SmtWeb.Data.Formats;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>A class in a picker: its label, its name, its WordNet id where it is ImageNet's.</summary>
public sealed record ClassChoice(int Index, string Name, string Synset)
{
    /// <summary>How a list shows it; a filter finds each of its parts.</summary>
    public string Text { get; } = Numbered(Index, Name) + (Synset.Length > 0 ? $" · {Synset}" : "");

    /// <summary>A class as every page writes it: by number and name; a name that is the number is written once.</summary>
    public static string Numbered(int index, string name) =>
        name.Length == 0 || name == index.ToString(CultureInfo.InvariantCulture)
            ? index.ToString(CultureInfo.InvariantCulture)
            : $"{index} · {VisibleText.Of(name)}";

    /// <summary>Choices for names; <paramref name="imageNet"/> adds the WordNet ids.</summary>
    public static IReadOnlyList<ClassChoice> Of(IReadOnlyList<string> names, bool imageNet) =>
        [
            .. names.Select(
                (name, i) => new ClassChoice(i, name, imageNet && i < ImageNetClasses.Count ? ImageNetClasses.All[i].Synset : "")
            ),
        ];

    /// <summary>
    /// The classes that a person means: by number (exactly that one first), WordNet id, or words of the name in any order.
    /// </summary>
    public static IReadOnlyList<ClassChoice> Search(IReadOnlyList<ClassChoice> classes, string? text)
    {
        var words = (text ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0)
        {
            return classes;
        }

        var exact =
            words is [var only] && int.TryParse(only, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1;
        return
        [
            .. classes.Where(c => c.Index == exact),
            .. classes.Where(c => c.Index != exact && words.All(w => c.Text.Contains(w, StringComparison.OrdinalIgnoreCase))),
        ];
    }
}
