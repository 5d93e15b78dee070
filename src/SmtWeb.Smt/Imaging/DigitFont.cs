namespace SmtWeb.Smt.Imaging;

/// <summary>Digits, sign and point in 5x7 pixels: enough for the ticks of an axis without a font on the machine.</summary>
internal static class DigitFont
{
    /// <summary>Height of a character.</summary>
    public const int Height = 7;

    private const int CharacterWidth = 5;

    /// <summary>Seven rows of a character, five bits each, the leftmost highest.</summary>
    private static readonly Dictionary<char, byte[]> Glyphs = new()
    {
        ['0'] = [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
        ['1'] = [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
        ['2'] = [0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111],
        ['3'] = [0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110],
        ['4'] = [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
        ['5'] = [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
        ['6'] = [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110],
        ['7'] = [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000],
        ['8'] = [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
        ['9'] = [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100],
        ['-'] = [0, 0, 0, 0b01110, 0, 0, 0],
        ['.'] = [0, 0, 0, 0, 0, 0b01100, 0b01100],
    };

    /// <summary>Width of a text in pixels.</summary>
    public static int Width(string text) => (text.Length * (CharacterWidth + 1)) - 1;

    /// <summary>Calls <paramref name="put"/> for each inked pixel of a text whose upper left corner is (x, y).</summary>
    public static void Write(string text, int x, int y, Action<int, int> put)
    {
        foreach (var character in text)
        {
            var glyph = Glyphs[character];
            for (var row = 0; row < Height; row++)
                for (var column = 0; column < CharacterWidth; column++)
                    if ((glyph[row] >> (CharacterWidth - 1 - column) & 1) != 0) put(x + column, y + row);
            x += CharacterWidth + 1;
        }
    }
}
