using System.Globalization;
using System.Text;

namespace SmtWeb.Data.Text;

/// <summary>
/// What a name may be, wherever people give one: runs, keys, data sets, models, accounts. One line, with something to see in
/// it, and nothing in it that is not seen: two names that look the same on a page are the same.
/// </summary>
public static class NameRule
{
    /// <summary>The name without spaces around it.</summary>
    public static string Trim(string name) => name.Trim();

    /// <summary>
    /// Null where <paramref name="name"/> may be one of at most <paramref name="longest"/> characters, else a sentence that says what is
    /// wrong with it.
    /// </summary>
    public static string? Problem(string name, int longest)
    {
        if (string.IsNullOrWhiteSpace(name))
        {
            return $"A name of 1 to {longest} characters is needed.";
        }

        if (name.Length > longest)
        {
            return $"The name has {name.Length} characters; allowed are 1 to {longest}.";
        }

        foreach (var rune in name.EnumerateRunes())
        {
            if (PlainText.IsInvisible(rune))
            {
                return $"The name holds {PlainText.Name(rune)}, which is not seen or changes how the rest is shown; leave it out.";
            }

            if (rune.Value != ' ' && Rune.GetUnicodeCategory(rune) == UnicodeCategory.SpaceSeparator)
            {
                return $"The name holds {PlainText.Name(rune)}, which looks like a space and is none; write a space.";
            }
        }

        return name.Any(char.IsSurrogate) && !IsWhole(name) ? "The name holds half a character (a lone surrogate)." : null;
    }

    private static bool IsWhole(string name)
    {
        for (var i = 0; i < name.Length; i++)
        {
            if (!char.IsSurrogate(name[i]))
            {
                continue;
            }

            if (!char.IsHighSurrogate(name[i]) || i + 1 == name.Length || !char.IsLowSurrogate(name[i + 1]))
            {
                return false;
            }

            i++;
        }

        return true;
    }
}
