using System.Globalization;

namespace SmtWeb.Data.Formats;

/// <summary>
/// Classes have a number, which the networks know, and a name, which people mean. Those of folders are numbered in the ordinal order of
/// their names: 10 comes before 2. So a name may be another class's number; here names and numbers are told apart.
/// </summary>
public static class ClassNaming
{
    /// <summary>What a person writes before a name that is also a number.</summary>
    public const string NamePrefix = "name:";

    private const int Shown = 8;

    /// <summary>A class by its number and name, "2 (cat)"; the number alone where it has no other name.</summary>
    public static string Show(int label, IReadOnlyList<string> names) =>
        label >= 0 && label < names.Count ? Show(label, names[label]) : Text(label);

    /// <inheritdoc cref="Show(int, IReadOnlyList{string})"/>
    public static string Show(int label, string name) => name.Length == 0 || name == Text(label) ? Text(label) : $"{label} ({name})";

    /// <summary>
    /// The class that a text means: a number, a name (exactly, else whatever its case), or <see cref="NamePrefix"/> and a name. Where a
    /// text is the number of one class and the name of another, it is the number, and <c>Note</c> says so.
    /// </summary>
    /// <returns>The number; or none and what is wrong.</returns>
    public static (int? Label, string? Problem, string? Note) Find(string text, int classes, IReadOnlyList<string> names)
    {
        text = text.Trim();
        var wanted = text.StartsWith(NamePrefix, StringComparison.Ordinal) ? text[NamePrefix.Length..].Trim() : text;
        var named = Named(wanted, names);
        if (wanted == text && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < classes)
        {
            var other = named is [var only] && only != number ? only : -1;
            return (
                number,
                null,
                other < 0
                    ? null
                    : $"{text} is taken for the number of class {Show(number, names)}; the class named {text} is "
                        + $"{Show(other, names)}: {NamePrefix}{text}."
            );
        }

        return named switch
        {
            [var label] => (label, null, null),
            [] => (null, $"\"{wanted}\" is no class of this model; it has {Count(classes)}: {List(classes, names)}.", null),
            _ => (
                null,
                $"\"{wanted}\" is the name of {named.Count} classes ({string.Join(", ", named.Take(Shown))}); give the number of the "
                    + "one that is meant.",
                null
            ),
        };
    }

    /// <summary>
    /// Where two lists of names first differ, "class 0 is a there and b here"; null where they do not, or where one is not known.
    /// </summary>
    public static string? Difference(IReadOnlyList<string> there, IReadOnlyList<string> here)
    {
        if (there.Count == 0 || here.Count == 0)
        {
            return null;
        }
        for (var k = 0; k < Math.Min(there.Count, here.Count); k++)
        {
            if (there[k] != here[k])
            {
                return $"class {k} is {there[k]} there and {here[k]} here";
            }
        }
        return there.Count == here.Count ? null : $"there are {Count(there.Count)} there and {here.Count} here";
    }

    /// <summary>
    /// For each class of one side its number on the other, -1 where there is no such class: by name where both sides have names, else by
    /// number.
    /// </summary>
    public static int[] Match(int mine, IReadOnlyList<string> myNames, int theirs, IReadOnlyList<string> theirNames)
    {
        var byName = myNames.Count > 0 && theirNames.Count > 0;
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var k = 0; byName && k < theirNames.Count; k++)
        {
            places.TryAdd(theirNames[k], k);
        }
        return
        [
            .. Enumerable
                .Range(0, mine)
                .Select(k =>
                    !byName ? (k < theirs ? k : -1)
                    : k >= myNames.Count ? -1
                    : k < theirNames.Count && theirNames[k] == myNames[k] ? k // two classes of ImageNet are called crane
                    : places.GetValueOrDefault(myNames[k], -1)
                ),
        ];
    }

    /// <summary>A note where names are numbers other than those of their classes.</summary>
    public static IEnumerable<DatasetNote> Notes(IReadOnlyList<string> names)
    {
        var wrong = names
            .Index()
            .Where(n => int.TryParse(n.Item, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number != n.Index)
            .ToList();
        if (wrong.Count > 0)
        {
            yield return new DatasetNote(
                "of the classes have a name that is another number than theirs (folders are in the order of characters, 10 before 2; "
                    + "give names, or call them 000, 001, …)",
                wrong.Count,
                Show(wrong[0].Index, wrong[0].Item)
            );
        }
    }

    private static List<int> Named(string wanted, IReadOnlyList<string> names)
    {
        var exact = names.Index().Where(n => n.Item == wanted).Select(n => n.Index).ToList();
        return exact.Count > 0
            ? exact
            : [.. names.Index().Where(n => string.Equals(n.Item, wanted, StringComparison.OrdinalIgnoreCase)).Select(n => n.Index)];
    }

    private static string List(int classes, IReadOnlyList<string> names) =>
        string.Join(", ", Enumerable.Range(0, Math.Min(classes, Shown)).Select(k => Show(k, names))) + (classes > Shown ? ", …" : "");

    private static string Count(int classes) =>
        classes == 1 ? "1 class" : string.Create(CultureInfo.InvariantCulture, $"{classes:N0} classes");

    private static string Text(int label) => label.ToString(CultureInfo.InvariantCulture);
}
