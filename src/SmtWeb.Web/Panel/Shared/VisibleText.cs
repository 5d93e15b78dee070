using System.Globalization;
using System.Text;

namespace SmtWeb.Web.Panel.Shared;

/// <summary>
/// Names that people gave, written so that what is shown is what is there: characters that turn the direction of what follows,
/// or that nobody sees, stand as their code.
/// </summary>
public static class VisibleText
{
    private const int ZeroWidthJoiner = 0x200d;

    // Letters and symbols by category that are drawn as nothing.
    private static readonly HashSet<int> Blank = [0x115f, 0x1160, 0x2800, 0x3164, 0xffa0];

    /// <summary>The name with every hidden character as [U+202E].</summary>
    public static string Of(string? name)
    {
        if (name is null || !Hides(name))
        {
            return name ?? "";
        }

        var shown = new StringBuilder();
        Rune? before = null;
        foreach (var rune in name.EnumerateRunes())
        {
            // a joiner inside an emoji belongs to its picture
            var joins =
                rune.Value == ZeroWidthJoiner
                && before is { } b
                && Rune.GetUnicodeCategory(b)
                    is UnicodeCategory.OtherSymbol
                        or UnicodeCategory.NonSpacingMark
                        or UnicodeCategory.ModifierSymbol;
            shown.Append(IsHidden(rune) && !joins ? $"[U+{rune.Value:X4}]" : rune.ToString());
            before = rune;
        }

        return shown.ToString();
    }

    private static bool Hides(string name)
    {
        foreach (var rune in name.EnumerateRunes())
        {
            if (IsHidden(rune))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsHidden(Rune rune) =>
        Blank.Contains(rune.Value)
        || Rune.GetUnicodeCategory(rune)
            is UnicodeCategory.Control
                or UnicodeCategory.Format
                or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator
                or UnicodeCategory.PrivateUse
                or UnicodeCategory.OtherNotAssigned;
}
