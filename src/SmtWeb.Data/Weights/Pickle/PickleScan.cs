using System.Text;
using SmtWeb.Data.Weights.Bytes;

namespace SmtWeb.Data.Weights.Pickle;

/// <summary>
/// Tells what a refused pickle was up to. From the refused name on, the bytes are only looked at: further names that are
/// not allowed, and the first text beside them.
/// </summary>
internal static class PickleScan
{
    private const int MaxNames = 4;
    private const int MaxText = 80;
    private const int MaxBytes = 1 << 16;

    /// <summary>The message about a name that is not allowed.</summary>
    public static string Refusal(ByteSource source, PickleSurroundings surroundings, string first, long from)
    {
        var names = new List<string> { first };
        var texts = new List<string>();
        try
        {
            Collect(source.Slice(0, Math.Min(source.Length, from + MaxBytes), "the pickle"), surroundings, from, names, texts);
        }
        catch (WeightsException)
        {
            // Damaged further on: what was found so far is what there is to tell.
        }

        var message = new StringBuilder("Refused: the file tries to use ");
        message.AppendJoin(", ", names.Select(n => surroundings.Path + Show(n)));
        if (texts.Count > 0)
        {
            message.Append($" (with \"{Show(texts[0])}\" beside it)");
        }
        message.Append(", which weights do not need. Nothing was run. ");
        message.Append("If the file is yours, load it where it was made and store plain tensors: torch.save(network.state_dict(), file).");
        return message.ToString();
    }

    /// <summary>Text of a file, shortened and without control characters.</summary>
    public static string Show(string text)
    {
        var shown = text.Length > MaxText ? text[..MaxText] + "…" : text;
        return string.Concat(shown.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c));
    }

    /// <summary>An opcode as pickletools shows it.</summary>
    public static string Printable(byte opcode) => opcode is > 32 and < 127 ? $"'{(char)opcode}'" : $"0x{opcode:X2}";

    private static void Collect(ByteSource source, PickleSurroundings surroundings, long from, List<string> names, List<string> texts)
    {
        var cursor = new PickleCursor(source, from);
        var recent = new List<string>();
        while (names.Count < MaxNames && cursor.Position < source.Length)
        {
            switch (cursor.Byte())
            {
                case (byte)'.':
                    return;
                case (byte)'c' or (byte)'i':
                {
                    var module = cursor.Line();
                    Found(PickleNames.Spell(module, cursor.Line()));
                    break;
                }
                case 0x93 when recent.Count >= 2:
                    // the two texts were a name, not an argument
                    texts.RemoveRange(Math.Max(0, texts.Count - 2), Math.Min(2, texts.Count));
                    Found(PickleNames.Spell(recent[^2], recent[^1]));
                    break;
                case 0x8c:
                    Text(cursor.Text(cursor.Byte()));
                    break;
                case (byte)'X':
                    Text(cursor.Text(cursor.UInt32()));
                    break;
                case 0x8d:
                    Text(cursor.Text(cursor.UInt64()));
                    break;
                case (byte)'U':
                    Text(cursor.Latin1(cursor.Byte()));
                    break;
                case (byte)'T':
                    Text(cursor.Latin1(cursor.UInt32()));
                    break;
                case (byte)'V' or (byte)'S':
                    Text(cursor.Line());
                    break;
                case (byte)'I' or (byte)'L' or (byte)'F' or (byte)'p' or (byte)'g' or (byte)'P':
                    cursor.Line();
                    break;
                case (byte)'K' or (byte)'q' or (byte)'h' or 0x80 or 0x82:
                    cursor.Byte();
                    break;
                case (byte)'M' or 0x83:
                    cursor.UInt16();
                    break;
                case (byte)'J' or (byte)'r' or (byte)'j' or 0x84:
                    cursor.UInt32();
                    break;
                case (byte)'G' or 0x95:
                    cursor.UInt64();
                    break;
                case (byte)'C' or 0x8a:
                    cursor.Skip(cursor.Byte(), "bytes");
                    break;
                case (byte)'B' or 0x8b:
                    cursor.Skip(cursor.UInt32(), "bytes");
                    break;
                case 0x8e or 0x96:
                    cursor.Skip(cursor.UInt64(), "bytes");
                    break;
            }
        }

        void Found(string name)
        {
            if (PickleNames.Find(name, surroundings.Script) is null && !names.Contains(name))
            {
                names.Add(name);
            }
        }

        void Text(string text)
        {
            recent.Add(text);
            texts.Add(text);
        }
    }
}
