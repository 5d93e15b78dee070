using System.Buffers.Binary;

namespace SmtWeb.Data.Images;

/// <summary>
/// Walks the segments of a JPEG file and makes sure of what the decoder leaves unchecked: that the file goes on to its end marker
/// (a missing rest would be grey), and that it does not take minutes for kilobytes with thousands of scans.
/// </summary>
internal static class JpegStructure
{
    private const int MostScans = 500; // libjpeg-turbo's limit; an encoder makes a dozen
    private const byte Start = 0xD8,
        End = 0xD9,
        Scan = 0xDA,
        App1 = 0xE1,
        Temporary = 0x01;

    private static ReadOnlySpan<byte> ExifName => "Exif\0\0"u8;

    /// <summary>Reads the facts; no pixel is decoded.</summary>
    /// <exception cref="InvalidDataException">The file is cut short or damaged, or has other than 8 bits a channel.</exception>
    internal static PictureFacts Read(ReadOnlySpan<byte> file)
    {
        var facts = default(PictureFacts);
        int? orientation = null;
        var scans = 0;
        for (var at = 2; ; )
        {
            var skipped = file[at..].IndexOf((byte)0xFF);
            if (skipped < 0 || at + skipped + 1 >= file.Length)
            {
                throw new InvalidDataException("it is cut short: its end marker is missing");
            }
            at += skipped + 1;
            var marker = file[at];
            if (marker is 0xFF or 0)
            {
                continue; // fill, or stuffing inside a scan
            }
            at++;
            if (marker == End)
            {
                break;
            }
            if (marker is Start or Temporary || IsRestart(marker))
            {
                continue;
            }
            if (file.Length - at < 2)
            {
                throw new InvalidDataException("it is cut short inside a segment");
            }
            var length = BinaryPrimitives.ReadUInt16BigEndian(file[at..]);
            if (length < 2 || length > file.Length - at)
            {
                throw new InvalidDataException($"it is cut short inside its segment {marker:X2}");
            }
            var data = file.Slice(at + 2, length - 2);
            if (IsFrame(marker))
            {
                facts = facts.Width == 0 ? FrameFacts(data) : throw new InvalidDataException("it has two frames");
            }
            else if (marker == App1 && orientation is null && data.StartsWith(ExifName))
            {
                orientation = ExifOrientation.Read(data[ExifName.Length..]);
            }
            else if (marker == Scan && ++scans > MostScans)
            {
                throw new InvalidDataException($"it has more than {MostScans} scans");
            }
            at += length;
        }

        if (facts.Width == 0 || scans == 0)
        {
            throw new InvalidDataException("it ends before its pixels");
        }
        return facts with { Orientation = orientation ?? ExifOrientation.Upright };
    }

    private static bool IsRestart(byte marker) => marker is >= 0xD0 and <= 0xD7;

    // C4, C8 and CC are tables and no frames
    private static bool IsFrame(byte marker) => marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC);

    private static PictureFacts FrameFacts(ReadOnlySpan<byte> data)
    {
        if (data.Length < 6)
        {
            throw new InvalidDataException("its frame is cut short");
        }
        if (data[0] != 8)
        {
            throw new InvalidDataException($"its channels have {data[0]} bits; convert it to 8 bits a channel");
        }
        var (width, height) = (BinaryPrimitives.ReadUInt16BigEndian(data[3..]), BinaryPrimitives.ReadUInt16BigEndian(data[1..]));
        ImageDecoder.EnsureSides(width, height);
        return new(
            width,
            height,
            data[5] == 1 ? 1 : 3,
            ExifOrientation.Upright,
            data[5] == 4 ? PixelChanges.InksConverted : PixelChanges.None
        );
    }
}
