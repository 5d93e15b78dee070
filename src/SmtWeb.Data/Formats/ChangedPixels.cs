using SmtWeb.Data.Images;

namespace SmtWeb.Data.Formats;

/// <summary>Counts what was done to the pixels of records, with the first of each kind as an example.</summary>
internal sealed class ChangedPixels
{
    private static readonly PixelChanges[] Kinds = [.. Enum.GetValues<PixelChanges>().Where(c => c != PixelChanges.None)];

    private readonly Dictionary<PixelChanges, (int Count, string Example)> _counts = [];

    internal void Add(PixelChanges changes, ImageSource source, int index)
    {
        if (changes == PixelChanges.None)
        {
            return;
        }
        foreach (var kind in Kinds.Where(k => (changes & k) != 0))
        {
            var (count, example) = _counts.TryGetValue(kind, out var known) ? known : (0, source.NameOf(index));
            _counts[kind] = (count + 1, example);
        }
    }

    internal IEnumerable<DatasetNote> Notes(ImageSource source) =>
        Kinds.Where(_counts.ContainsKey).Select(k => new DatasetNote(Text(k, source), _counts[k].Count, _counts[k].Example));

    private static string Text(PixelChanges kind, ImageSource source) =>
        kind switch
        {
            PixelChanges.Turned => "images turned as their EXIF orientation says",
            PixelChanges.AlphaLeftOut => "images whose transparency was left out",
            PixelChanges.InksConverted => "images of inks (CMYK) that became RGB",
            PixelChanges.GreyRepeated => "grey images repeated in three channels",
            PixelChanges.Cropped => "images that are no squares and were cropped to the middle",
            PixelChanges.Shrunk => $"images shrunk to {source.Side}x{source.Side}",
            PixelChanges.Enlarged => $"smaller images enlarged to {source.Side}x{source.Side}",
            PixelChanges.None => "images as they are",
            _ => kind.ToString(),
        };
}
