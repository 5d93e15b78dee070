using System.Buffers.Binary;
using System.Text;

namespace SmtWeb.Web.Api;

/// <summary>Texts inside a PNG (chunks iTXt, PNG specification 11.3.3.4), which stay with the picture wherever it is copied.</summary>
internal static class PngText
{
    // signature, length, type, 13 bytes of IHDR, CRC
    private const int HeaderEnd = 8 + 4 + 4 + 13 + 4;
    private static readonly uint[] Table =
    [
        .. Enumerable
            .Range(0, 256)
            .Select(n => Enumerable.Range(0, 8).Aggregate((uint)n, (c, _) => (c & 1) != 0 ? 0xEDB88320 ^ (c >> 1) : c >> 1)),
    ];

    /// <summary>The same picture with the texts behind its header.</summary>
    internal static byte[] Add(byte[] png, IEnumerable<(string Keyword, string Text)> texts)
    {
        using var result = new MemoryStream(png.Length + 512);
        Span<byte> number = stackalloc byte[4];
        result.Write(png.AsSpan(0, HeaderEnd));
        foreach (var (keyword, text) in texts)
        {
            // keyword, end, not compressed, method 0, no language, no translated keyword, text in UTF-8
            byte[] content = [.. "iTXt"u8, .. Encoding.Latin1.GetBytes(keyword), 0, 0, 0, 0, 0, .. Encoding.UTF8.GetBytes(text)];
            BinaryPrimitives.WriteInt32BigEndian(number, content.Length - 4);
            result.Write(number);
            result.Write(content);
            BinaryPrimitives.WriteUInt32BigEndian(number, Crc(content));
            result.Write(number);
        }

        result.Write(png.AsSpan(HeaderEnd));
        return result.ToArray();
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
        {
            crc = Table[(crc ^ b) & 0xFF] ^ (crc >> 8);
        }

        return ~crc;
    }
}
