using SmtWeb.Data.Files;
using SmtWeb.Data.Images;

namespace SmtWeb.Data.Formats;

/// <summary>
/// A folder of PNG and JPEG files with a folder for each class (or none at all, then without labels), in the layouts that
/// <see cref="ImageListing"/> understands. Images of other sizes are cropped to the square in the middle and resized. Symbolic links
/// inside are passed over, so that nothing outside is read.
/// </summary>
public sealed class FolderSource : ImageSource
{
    private const int MaxDepth = 8;
    private const int MaxFiles = 20_000_000;

    private static readonly EnumerationOptions All = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    private readonly string[] _files;
    private readonly int[] _labels;

    /// <summary>
    /// Lists the folder. <paramref name="side"/> and <paramref name="channels"/> are what images are brought to; 0 takes
    /// those of most images, which must then be square.
    /// </summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">It holds no image, or its images state no side.</exception>
    public FolderSource(string path, int side = 0, int channels = 0)
    {
        Path = path;
        if (!Directory.Exists(path))
        {
            throw new DirectoryNotFoundException($"{path}: there is no such folder.");
        }
        var (empty, deep) = (new List<string>(), new List<string>());
        var listing = new ImageListing(Walk(new DirectoryInfo(path), "", 0, empty, deep));
        var images = listing.Records(classes: true);
        // the folders that would have been classes
        foreach (
            var folder in empty.Where(f =>
                f.StartsWith(listing.Root, StringComparison.Ordinal) && f.IndexOf('/', listing.Root.Length) == f.Length - 1
            )
        )
        {
            listing.PassOver("folders without an image", folder);
        }
        foreach (var folder in deep)
        {
            listing.PassOver($"folders deeper than {MaxDepth}", folder);
        }
        Notes = listing.Notes;
        if (images.Count == 0)
        {
            throw new InvalidDataException(
                $"{path}: holds no PNG or JPEG file, neither here nor in folders for "
                    + $"classes.{(Notes.Count > 0 ? $" It holds {string.Join("; ", Notes.Take(5))}." : "")}"
            );
        }
        if (images.Count > MaxFiles)
        {
            throw new InvalidDataException($"{path}: holds more than {MaxFiles:N0} images.");
        }

        _files = [.. images.Select(i => i.Name)];
        _labels = [.. images.Select(i => i.Label)];
        Folders = listing.Folders;
        ClassNames = [.. Folders.Select(f => ImageNetClasses.Find(f) is { } known ? known.Name : f)];
        (Side, Channels) = side > 0 && channels > 0 ? (side, channels) : Size(side, channels);
    }

    /// <inheritdoc/>
    public override string Path { get; }

    /// <inheritdoc/>
    public override int Count => _files.Length;

    /// <inheritdoc/>
    public override int Channels { get; }

    /// <inheritdoc/>
    public override int Side { get; }

    /// <inheritdoc/>
    public override int Classes => Folders.Count;

    /// <summary>Names of the classes' folders; ImageNet's are WordNet ids, which <see cref="ClassNames"/> spells out.</summary>
    public IReadOnlyList<string> Folders { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<DatasetNote> Notes { get; }

    /// <inheritdoc/>
    public override string NameOf(int index) => _files[index];

    /// <inheritdoc/>
    public override IReadOnlyList<int>? ClassCounts => Classes == 0 ? null : ClassCoverage.Count(_labels, Classes);

    /// <inheritdoc/>
    public override int Read(int index, Span<byte> pixels) => Read(index, pixels, out _);

    /// <inheritdoc/>
    public override int Read(int index, Span<byte> pixels, out PixelChanges changes)
    {
        var image = Decode(index, out changes);
        if (image.Width != image.Height)
        {
            changes |= PixelChanges.Cropped;
        }
        var side = Math.Min(image.Width, image.Height);
        if (side != Side)
        {
            changes |= side > Side ? PixelChanges.Shrunk : PixelChanges.Enlarged;
        }
        if (image.Width != Side || image.Height != Side)
        {
            image = Resampling.CropAndResize(image, Side);
        }
        if (image.Channels > Channels)
        {
            throw Corrupt(index, "it has colours, but the data set is grey; state 3 channels");
        }
        if (image.Channels < Channels)
        {
            changes |= PixelChanges.GreyRepeated;
        }
        ToPlanes(image.Pixels, image.Channels, Channels, pixels);
        return _labels[index];
    }

    /// <inheritdoc/>
    public override void Dispose() { }

    // Names relative to the folder; nothing behind a symbolic link is looked at.
    private static IEnumerable<ListedFile> Walk(DirectoryInfo folder, string prefix, int depth, List<string> empty, List<string> deep)
    {
        var images = 0;
        foreach (var entry in folder.EnumerateFileSystemInfos("*", All))
        {
            if (ImageListing.IsSystem(entry.Name))
            {
                continue;
            }
            var (name, isLink) = (prefix + entry.Name, entry.LinkTarget is not null);
            if (isLink || entry is not DirectoryInfo below)
            {
                images += !isLink && ImageDecoder.Reads(name) ? 1 : 0;
                yield return new ListedFile(name, isLink);
            }
            else if (depth == MaxDepth)
            {
                deep.Add(name);
            }
            else
            {
                foreach (var file in Walk(below, name + "/", depth + 1, empty, deep))
                {
                    images += !file.IsLink && ImageDecoder.Reads(file.Name) ? 1 : 0;
                    yield return file;
                }
            }
        }

        if (images == 0 && depth > 0)
        {
            empty.Add(prefix);
        }
    }

    private (int Side, int Channels) Size(int side, int channels)
    {
        if (side > 0)
        {
            return (side, ImageSizes.Channels(Count, Measure));
        }
        var common = ImageSizes.Common(Path, Count, Measure);
        return common.Width == common.Height
            ? (common.Width, channels > 0 ? channels : common.Channels)
            : throw new InvalidDataException(
                $"{Path}: most images have {common.Width}x{common.Height} pixels; state the side that images are cropped and resized to."
            );
    }

    private (int Width, int Height, int Channels) Measure(int index) => Guarded(index, file => ImageDecoder.Measure(file));

    private Raster Decode(int index, out PixelChanges changes)
    {
        var found = PixelChanges.None;
        var image = Guarded(index, file => ImageDecoder.Decode(file, out found));
        changes = found;
        return image;
    }

    private T Guarded<T>(int index, Func<byte[], T> read)
    {
        try
        {
            return read(PlainFile.ReadAllBytes(System.IO.Path.Combine(Path, _files[index]), ImageDecoder.MaxFileBytes));
        }
        catch (Exception e)
            when (e is InvalidDataException or FileNotFoundException or IrregularFileException or UnauthorizedAccessException)
        {
            throw Corrupt(index, e.Message.TrimEnd('.'), e);
        }
    }
}
