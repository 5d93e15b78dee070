using System.Buffers.Binary;

namespace SmtWeb.Data.Images;

/// <summary>
/// The one fact of EXIF that changes pixels. Read by hand, because the decoders skip metadata: it is the tag 0x0112 of the
/// first directory of a TIFF structure, and everything else in it is passed over unread.
/// </summary>
internal static class ExifOrientation
{
    /// <summary>As the file stores it.</summary>
    internal const int Upright = 1;

    /// <summary>From here on height and width change places.</summary>
    internal const int FirstOnItsSide = 5;

    private const int Last = 8;
    private const int EntryBytes = 12;
    private const ushort Tag = 0x0112;
    private const ushort Short = 3;

    /// <summary>The orientation, 1 to 8; 1 where the structure has none or is damaged, as viewers take it.</summary>
    internal static int Read(ReadOnlySpan<byte> tiff)
    {
        if (tiff.Length < 8)
        {
            return Upright;
        }
        var little = tiff[0] == 'I';
        if (tiff[0] != tiff[1] || (!little && tiff[0] != 'M') || U16(tiff[2..], little) != 42)
        {
            return Upright;
        }
        var at = U32(tiff[4..], little);
        if (at > tiff.Length - 2)
        {
            return Upright;
        }
        var directory = tiff[(int)at..];
        var entries = U16(directory, little);
        for (var k = 0; k < entries && 2 + ((k + 1) * EntryBytes) <= directory.Length; k++)
        {
            var entry = directory.Slice(2 + (k * EntryBytes), EntryBytes);
            if (U16(entry, little) != Tag)
            {
                continue;
            }
            return U16(entry[2..], little) == Short && U16(entry[8..], little) is var value and >= Upright and <= Last ? value : Upright;
        }

        return Upright;
    }

    private static ushort U16(ReadOnlySpan<byte> bytes, bool little) =>
        little ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);

    private static uint U32(ReadOnlySpan<byte> bytes, bool little) =>
        little ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt32BigEndian(bytes);
}
