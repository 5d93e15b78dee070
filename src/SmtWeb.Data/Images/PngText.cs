namespace SmtWeb.Data.Images;

/// <summary>A line of text inside a PNG file, such as the seed of the picture. Text beyond Latin-1 is written as UTF-8 (iTXt).</summary>
public sealed record PngText
{
    private const int LongestKeyword = 79;

    /// <summary>A keyword of 1 to 79 printable ASCII characters without spaces at its ends (what the format allows), and a text.</summary>
    /// <exception cref="ArgumentException">The keyword is none.</exception>
    public PngText(string keyword, string text)
    {
        if (keyword.Length is 0 or > LongestKeyword || keyword.Any(c => c is < ' ' or > '~') || keyword != keyword.Trim())
        {
            throw new ArgumentException(
                $"\"{keyword}\" is no keyword of a PNG text: 1 to {LongestKeyword} printable ASCII characters, no space at either end.",
                nameof(keyword)
            );
        }
        if (text.Contains('\0'))
        {
            throw new ArgumentException($"The PNG text \"{keyword}\" holds a zero character, which ends it.", nameof(text));
        }
        (Keyword, Text) = (keyword, text);
    }

    /// <summary>What the text is about.</summary>
    public string Keyword { get; }

    /// <summary>The text.</summary>
    public string Text { get; }
}
