using System.Globalization;
using System.Text;

namespace SmtWeb.Data.Text;

/// <summary>
/// What a text does to whoever reads it: letters, digits and signs are seen; controls move the cursor, start terminal
/// sequences, turn the direction of writing or are not seen at all. One rule, for names that are given and for text that
/// is printed.
/// </summary>
public static class PlainText
{
    /// <summary>
    /// Whether a character is never seen as itself: controls (terminal escapes, line breaks, NUL), line and paragraph
    /// separators, format characters (direction of writing, zero width, soft hyphen, tags), fillers, and half a surrogate pair.
    /// </summary>
    public static bool IsInvisible(Rune rune) =>
        Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.Control
            or UnicodeCategory.Format
            or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator
            or UnicodeCategory.Surrogate
            or UnicodeCategory.OtherNotAssigned
            or UnicodeCategory.PrivateUse => true,
            _ => rune.Value
                is 0x034F
                    or 0x115F
                    or 0x1160
                    or 0x17B4
                    or 0x17B5
                    or 0x2800
                    or 0x3164
                    or 0xFFA0
                    or (>= 0x180B and <= 0x180F)
                    or (>= 0xFE00 and <= 0xFE0F)
                    or (>= 0xE0000 and <= 0xE0FFF),
        };

    /// <summary>
    /// The text in one line, with every invisible character written out as <c>\u{202E}</c>: for names of others in messages, logs and on
    /// consoles.
    /// </summary>
    public static string Show(string text) => Escape(text, keepLines: false);

    /// <summary>The same, but line breaks and tabs stay: for whole messages.</summary>
    public static string ShowLines(string text) => Escape(text, keepLines: true);

    /// <summary>How a character is written out.</summary>
    public static string Name(Rune rune) => $"U+{rune.Value:X4}";

    private static string Escape(string text, bool keepLines)
    {
        if (!text.Any(char.IsSurrogate) && !text.EnumerateRunes().Any(rune => MustBeWrittenOut(rune, keepLines)))
        {
            return text; // nearly always
        }

        var shown = new StringBuilder(text.Length + 16);
        foreach (var rune in text.EnumerateRunes())
        {
            if (MustBeWrittenOut(rune, keepLines))
            {
                shown.Append(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:X}}}");
            }
            else
            {
                shown.Append(rune.ToString());
            }
        }

        return shown.ToString();
    }

    private static bool MustBeWrittenOut(Rune rune, bool keepLines) =>
        IsInvisible(rune) && !(keepLines && (rune.Value is '\n' or '\r' or '\t'));
}
