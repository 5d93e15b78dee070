namespace SmtWeb.Data.Formats;

/// <summary>A class of ImageNet: its label in the usual order, its WordNet id, its name.</summary>
public sealed record ImageNetClass(int Label, string Synset, string Name);

/// <summary>The 1,000 classes of ILSVRC 2012, in the order of their WordNet ids, which is that of the labels.</summary>
public static class ImageNetClasses
{
    /// <summary>How many there are.</summary>
    public const int Count = 1000;

    private static readonly Lazy<ImageNetClass[]> Read = new(() =>
        [
            .. File.ReadLines(System.IO.Path.Combine(AppContext.BaseDirectory, "assets", "imagenet", "classes.tsv"))
                .Skip(1)
                .Select(line => line.Split('\t'))
                .Select(f => new ImageNetClass(int.Parse(f[0], System.Globalization.CultureInfo.InvariantCulture), f[1], f[2])),
        ]
    );

    private static readonly Lazy<string[]> ReadNames = new(() => Array.ConvertAll(Read.Value, c => c.Name));

    private static readonly Lazy<Dictionary<string, ImageNetClass>> Synsets = new(() => Read.Value.ToDictionary(c => c.Synset));

    /// <summary>All of them, by label.</summary>
    public static IReadOnlyList<ImageNetClass> All => Read.Value;

    /// <summary>Names by label.</summary>
    public static IReadOnlyList<string> Names => ReadNames.Value;

    /// <summary>The class of a WordNet id such as n01440764, or null.</summary>
    public static ImageNetClass? Find(string synset) => Synsets.Value.GetValueOrDefault(synset);
}
