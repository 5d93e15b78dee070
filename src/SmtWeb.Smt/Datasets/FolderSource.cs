using SmtWeb.Smt.Files;
using SmtWeb.Smt.Imaging;

namespace SmtWeb.Smt.Datasets;

/// <summary>
/// A folder of PNG and JPEG files with a folder for each class (or none at all, then without labels). Classes are in the
/// order of their folders' names, records in the order of theirs (bytewise). Images of other sizes are cropped to the square
/// in the middle and resized. Symbolic links inside are passed over, so that nothing outside is read.
/// </summary>
public sealed class FolderSource : ImageSource
{
    private const int MaxDepth = 8;
    private const int MaxFiles = 20_000_000;

    private static readonly EnumerationOptions Plain = new() { AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.System, IgnoreInaccessible = false };

    private static readonly EnumerationOptions Deep = new()
    {
        AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.System, IgnoreInaccessible = false, RecurseSubdirectories = true, MaxRecursionDepth = MaxDepth,
    };

    private readonly List<string> files = [];
    private readonly int[] firstOfClass;

    /// <summary>
    /// Lists the folder. <paramref name="side"/> and <paramref name="channels"/> are what images are brought to; 0 takes
    /// those of the first image, which must then be square.
    /// </summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">It holds no image, or the first gives no side.</exception>
    public FolderSource(string path, int side = 0, int channels = 0)
    {
        Path = path;
        if (!Directory.Exists(path)) throw new DirectoryNotFoundException($"{path}: there is no such folder.");
        var folders = Directory.EnumerateDirectories(path, "*", Plain).Select(f => System.IO.Path.GetFileName(f)!).Order(StringComparer.Ordinal)
            .Where(f => f[0] != '.' && Directory.EnumerateFiles(System.IO.Path.Combine(path, f), "*", Deep).Any(IsImage)).ToList();
        var first = new List<int>();
        foreach (var folder in folders.Count > 0 ? folders : [""])
        {
            first.Add(files.Count);
            var at = System.IO.Path.Combine(path, folder);
            files.AddRange(Directory.EnumerateFiles(at, "*", folders.Count > 0 ? Deep : Plain).Where(IsImage).Select(f => System.IO.Path.GetRelativePath(path, f)).Order(StringComparer.Ordinal));
            if (files.Count > MaxFiles) throw new InvalidDataException($"{path}: holds more than {MaxFiles:N0} images.");
        }

        firstOfClass = [.. first];
        if (files.Count == 0) throw new InvalidDataException($"{path}: holds no PNG or JPEG file, neither here nor in folders for classes.");
        Folders = folders;
        ClassNames = [.. folders.Select(f => ImageNetClasses.Find(f) is { } known ? known.Name : f)];
        (Side, Channels) = side > 0 && channels > 0 ? (side, channels) : Size(side, channels);
    }

    /// <inheritdoc/>
    public override string Path { get; }

    /// <inheritdoc/>
    public override int Count => files.Count;

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
    public override string NameOf(int index) => files[index];

    /// <inheritdoc/>
    public override int Read(int index, Span<byte> pixels) => Read(index, pixels, out _);

    /// <inheritdoc/>
    public override int Read(int index, Span<byte> pixels, out PixelChanges changes)
    {
        var image = Decode(index, out changes);
        if (image.Width != image.Height) changes |= PixelChanges.Cropped;
        var side = Math.Min(image.Width, image.Height);
        if (side != Side) changes |= side > Side ? PixelChanges.Shrunk : PixelChanges.Enlarged;
        if (image.Width != Side || image.Height != Side) image = Resampling.CropAndResize(image, Side);
        if (image.Channels > Channels) throw Corrupt(index, "it has colours, but the data set is grey; state 3 channels");
        if (image.Channels < Channels) changes |= PixelChanges.GreyRepeated;
        ToPlanes(image.Pixels, image.Channels, Channels, pixels);
        if (Classes == 0) return -1;
        var found = Array.BinarySearch(firstOfClass, index);
        return found >= 0 ? found : ~found - 1;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
    }

    private static bool IsImage(string file) => ImageDecoder.Extensions.Contains(System.IO.Path.GetExtension(file).ToLowerInvariant());

    private (int Side, int Channels) Size(int side, int channels)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                var image = Decode(i, out _);
                if (side == 0 && image.Width != image.Height)
                    throw new InvalidDataException($"{Path}: {files[i]} has {image.Width}x{image.Height} pixels; state the side that images are cropped and resized to.");
                return (side > 0 ? side : image.Width, channels > 0 ? channels : image.Channels);
            }
            catch (CorruptRecordException) when (i < Math.Min(files.Count, 16) - 1)
            {
                // another one says it
            }
        }
    }

    private Raster Decode(int index, out PixelChanges changes)
    {
        try
        {
            return ImageDecoder.Decode(PlainFile.ReadAllBytes(System.IO.Path.Combine(Path, files[index]), ImageDecoder.MaxFileBytes), out changes);
        }
        catch (Exception e) when (e is InvalidDataException or FileNotFoundException or IrregularFileException or UnauthorizedAccessException)
        {
            throw Corrupt(index, e.Message.TrimEnd('.'), e);
        }
    }
}
