using SmtWeb.Data.Images;

namespace SmtWeb.Data.Formats;

/// <summary>
/// What a listing found at a path: a name with forward slashes, relative to the folder or archive, and whether it is a symbolic link.
/// </summary>
internal readonly record struct ListedFile(string Name, bool IsLink = false);

/// <summary>
/// Which files of a folder or an archive are images, and which class each belongs to. The first folder of a name is its class, but for
/// two layouts that people have: everything below one outer folder (an unpacked archive), and <c>train/</c> beside <c>val/</c> or
/// <c>test/</c>, of which only <c>train/</c> is trained on. Hidden and system names do not exist. All else that is passed over is noted
/// by kind and count. Classes and records are in ordinal order of their names.
/// </summary>
internal sealed class ImageListing
{
    private static readonly HashSet<string> SystemNames = new(
        ["__MACOSX", "Thumbs.db", "desktop.ini", "ehthumbs.db", "$RECYCLE.BIN", "System Volume Information", "@eaDir", "lost+found"],
        StringComparer.OrdinalIgnoreCase
    );
    private static readonly HashSet<string> TrainNames = new(["train", "training"], StringComparer.OrdinalIgnoreCase);
    private static readonly HashSet<string> HeldOutNames = new(
        ["val", "valid", "validation", "test", "testing", "dev", "eval"],
        StringComparer.OrdinalIgnoreCase
    );

    private readonly Dictionary<string, (int Count, string Example)> _passedOver = [];
    private readonly List<string> _below;

    /// <summary>Sorts out <paramref name="found"/>, which may be in any order.</summary>
    internal ImageListing(IEnumerable<ListedFile> found)
    {
        var images = new List<string>();
        foreach (var file in found)
        {
            if (file.Name.Split('/').Any(IsSystem))
            {
                continue;
            }
            if (file.IsLink)
            {
                PassOver("symbolic links, which are not followed", file.Name);
            }
            else if (ImageDecoder.Reads(file.Name))
            {
                images.Add(file.Name);
            }
            else
            {
                PassOver(KindOf(file.Name), file.Name);
            }
        }

        images.Sort(StringComparer.Ordinal);
        Images = images;
        Root = FindRoot(images);
        _below = [.. images.Where(i => i.StartsWith(Root, StringComparison.Ordinal))];
        Folders = [.. _below.Select(FolderOf).Where(f => f.Length > 0).Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>Every image, by name.</summary>
    internal IReadOnlyList<string> Images { get; }

    /// <summary>The folder that counts, with a slash at its end; empty where it is the whole.</summary>
    internal string Root { get; }

    /// <summary>Folders directly below the root that hold an image: the classes.</summary>
    internal IReadOnlyList<string> Folders { get; }

    /// <summary>What was passed over so far, the most frequent first.</summary>
    internal IReadOnlyList<DatasetNote> Notes =>
        [
            .. _passedOver
                .Select(p => new DatasetNote(p.Key, p.Value.Count, p.Value.Example))
                .OrderByDescending(n => n.Count)
                .ThenBy(n => n.What, StringComparer.Ordinal),
        ];

    /// <summary>
    /// The images below the root, without classes (-1) where they are not wanted or there are none; those left out are noted.
    /// </summary>
    internal IReadOnlyList<(string Name, int Label)> Records(bool classes)
    {
        foreach (var other in Images.Where(i => !i.StartsWith(Root, StringComparison.Ordinal)))
        {
            PassOver(
                HeldOutNames.Contains(other.Split('/')[Root.Count(c => c == '/') - 1])
                    ? $"images beside {Root}, held out for evaluation"
                    : $"images beside the folder {Root}",
                other
            );
        }
        if (!classes || Folders.Count == 0)
        {
            return [.. _below.Select(name => (name, -1))];
        }
        var labels = Folders.Index().ToDictionary(f => f.Item, f => f.Index);
        foreach (var beside in _below.Where(i => FolderOf(i).Length == 0))
        {
            PassOver("images beside the folders of the classes", beside);
        }
        // by class, then by name: '-' and others come before the slash, so the order of whole names is not it
        return
        [
            .. _below
                .Where(i => FolderOf(i).Length > 0)
                .Select(i => (Name: i, Label: labels[FolderOf(i)]))
                .OrderBy(i => i.Label)
                .ThenBy(i => i.Name, StringComparer.Ordinal),
        ];
    }

    /// <summary>Notes a folder that would have been a class, or another thing that is no image.</summary>
    internal void PassOver(string kind, string example)
    {
        var (count, first) = _passedOver.GetValueOrDefault(kind, (0, example));
        _passedOver[kind] = (count + 1, string.CompareOrdinal(example, first) < 0 ? example : first);
    }

    /// <summary>Hidden, or made by a system: no person means it.</summary>
    internal static bool IsSystem(string name) => name.StartsWith('.') || SystemNames.Contains(name);

    private static string KindOf(string name) =>
        Path.GetExtension(name).ToLowerInvariant() is { Length: > 1 } extension
            ? $"files {extension}, which are not read"
            : "files without an extension, which are not read";

    private string FolderOf(string name) => name.IndexOf('/', Root.Length) is var slash and > 0 ? name[Root.Length..slash] : "";

    private static string FindRoot(List<string> images)
    {
        var root = "";
        while (true)
        {
            var below = images.Where(i => i.StartsWith(root, StringComparison.Ordinal)).ToList();
            var folders = below
                .Select(i => i.IndexOf('/', root.Length) is var slash and > 0 ? i[root.Length..slash] : "")
                .Distinct()
                .ToList();
            if (
                folders.Where(TrainNames.Contains).ToList() is [var train]
                && folders.All(f => f == train || f.Length == 0 || HeldOutNames.Contains(f))
            )
            {
                return root + train + "/";
            }
            // one folder of nothing but folders: the outer folder of an archive; one folder of images: a class
            if (folders is not [{ Length: > 0 } only] || below.Any(i => i.IndexOf('/', root.Length + only.Length + 1) < 0))
            {
                return root;
            }
            root += only + "/";
        }
    }
}
