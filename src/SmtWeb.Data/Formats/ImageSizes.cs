namespace SmtWeb.Data.Formats;

/// <summary>
/// The size that a data set states by having it: that of most of its images, not of the first. Some files, spread evenly, are looked at,
/// and of those only what stands before their pixels is understood.
/// </summary>
internal static class ImageSizes
{
    private const int MostLookedAt = 256;

    /// <summary>Width and height that at least half of the images have, and the most channels that one has.</summary>
    /// <exception cref="CorruptRecordException">None of them can be read.</exception>
    /// <exception cref="InvalidDataException">No size is that of half of them; says which there are.</exception>
    internal static (int Width, int Height, int Channels) Common(
        string path,
        int count,
        Func<int, (int Width, int Height, int Channels)> measure
    )
    {
        var (sizes, seen, channels) = Look(count, measure);
        var ordered = sizes.OrderByDescending(s => s.Value).ThenByDescending(s => (long)s.Key.Width * s.Key.Height).ToList();
        if (ordered[0].Value * 2 >= seen)
        {
            return (ordered[0].Key.Width, ordered[0].Key.Height, channels);
        }
        var shown = string.Join(", ", ordered.Take(4).Select(s => $"{s.Key.Width}x{s.Key.Height} ({s.Value})"));
        throw new InvalidDataException(
            $"{path}: the images have {sizes.Count} sizes, {shown}{(ordered.Count > 4 ? ", …" : "")} among {seen} looked at; state the "
                + "side that they are cropped and resized to."
        );
    }

    /// <summary>The most channels that an image has: colours are not thrown away because the first image is grey.</summary>
    /// <exception cref="CorruptRecordException">None of them can be read.</exception>
    internal static int Channels(int count, Func<int, (int Width, int Height, int Channels)> measure) => Look(count, measure).Channels;

    private static (Dictionary<(int Width, int Height), int> Sizes, int Seen, int Channels) Look(
        int count,
        Func<int, (int Width, int Height, int Channels)> measure
    )
    {
        var sizes = new Dictionary<(int Width, int Height), int>();
        var (channels, seen) = (1, 0);
        CorruptRecordException? corrupt = null;
        var looked = Math.Min(count, MostLookedAt);
        for (var k = 0; k < looked; k++)
        {
            try
            {
                var size = measure((int)((long)k * count / looked));
                sizes[(size.Width, size.Height)] = sizes.GetValueOrDefault((size.Width, size.Height)) + 1;
                channels = Math.Max(channels, size.Channels);
                seen++;
            }
            catch (CorruptRecordException e)
            {
                corrupt ??= e; // it has no say
            }
        }

        return seen > 0 ? (sizes, seen, channels) : throw corrupt!;
    }
}
