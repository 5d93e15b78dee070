using System.Buffers;
using System.Text;
using System.Text.Json;
using SmtWeb.Data.Images;

namespace SmtWeb.Data.Formats;

/// <summary>
/// A dataset zip as EDM's dataset tool writes it: PNG files (stored or deflated), all of one square size, grey or RGB, and
/// a dataset.json with <c>{"labels": [[name, class], …]}</c>, <c>{"labels": null}</c>, or none, at the top or one folder down.
/// Records are in the order of their names, as EDM's loader takes them. Without dataset.json, two or more folders that are not
/// numbered as EDM's are classes, in the layouts that <see cref="ImageListing"/> understands. JPEG files are read as well.
/// </summary>
public sealed class ZipSource : ImageSource
{
    private const int MaxLabels = 512 << 20;
    private const int MaxClasses = 1 << 20;
    private const string LabelsName = "dataset.json";

    private readonly ZipIndex _zip;
    private readonly ZipItem[] _items;
    private readonly int[]? _labels;
    private readonly IReadOnlyList<string> _folders;

    /// <summary>Opens the archive: reads its directory, its labels and the size of its images.</summary>
    /// <exception cref="InvalidDataException">It is no such archive; names the place.</exception>
    public ZipSource(string path)
    {
        Path = path;
        _zip = new ZipIndex(path);
        try
        {
            var byName = new Dictionary<string, ZipItem>(StringComparer.Ordinal);
            var doubled = _zip.Items().Where(f => !f.Name.EndsWith('/') && !byName.TryAdd(f.Name, f.Item)).Select(f => f.Name).ToList();
            var listing = new ImageListing(byName.Keys.Where(name => !IsLabels(name)).Select(name => new ListedFile(name)));
            foreach (var name in doubled)
            {
                listing.PassOver("files of a name that another has", name);
            }
            if (listing.Images.Count == 0)
            {
                throw new InvalidDataException(
                    $"{path}: holds no PNG or JPEG "
                        + $"file.{(listing.Notes.Count > 0 ? $" It holds {string.Join("; ", listing.Notes.Take(5))}." : "")}"
                );
            }
            (_items, _labels, _folders) = Records(byName, listing);
            Notes = listing.Notes;
            Classes = _labels is null ? 0 : _labels.Max() + 1;
            (Side, Channels) = Size();
        }
        catch
        {
            _zip.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Path { get; }

    /// <inheritdoc/>
    public override int Count => _items.Length;

    /// <inheritdoc/>
    public override int Channels { get; }

    /// <inheritdoc/>
    public override int Side { get; }

    /// <inheritdoc/>
    public override int Classes { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames =>
        _folders.Count > 0 ? _folders
        : Classes == ImageNetClasses.Count ? ImageNetClasses.Names
        : [];

    /// <inheritdoc/>
    public override IReadOnlyList<int>? ClassCounts => _labels is null ? null : ClassCoverage.Count(_labels, Classes);

    /// <inheritdoc/>
    public override IReadOnlyList<DatasetNote> Notes { get; }

    /// <inheritdoc/>
    public override string NameOf(int index) => _zip.NameOf(_items[index]);

    /// <inheritdoc/>
    public override int Read(int index, Span<byte> pixels) => Read(index, pixels, out _);

    /// <inheritdoc/>
    public override int Read(int index, Span<byte> pixels, out PixelChanges changes)
    {
        var image = Decode(index, out changes);
        if (image.Width != Side || image.Height != Side || image.Channels != Channels)
        {
            throw Corrupt(
                index,
                $"it has {image.Width}x{image.Height} pixels and {Text(image.Channels)}; most images have {Side}x{Side} and "
                    + $"{Text(Channels)}"
            );
        }
        ToPlanes(image.Pixels, Channels, Channels, pixels);
        return _labels?[index] ?? -1;
    }

    /// <inheritdoc/>
    public override void Dispose() => _zip.Dispose();

    private static string Text(int channels) => channels == 1 ? "1 channel" : $"{channels} channels";

    // dataset.json says the classes, at the top or one folder down; without it, folders are classes as in a folder of images.
    private (ZipItem[] Items, int[]? Labels, IReadOnlyList<string> Folders) Records(
        Dictionary<string, ZipItem> byName,
        ImageListing listing
    )
    {
        var files = byName.Keys.Where(IsLabels).OrderBy(n => n.Length).ThenBy(n => n, StringComparer.Ordinal).ToList();
        if (files.Count > 1 && files[0] != LabelsName)
        {
            throw new InvalidDataException(
                $"{Path}: {files.Count} folders have a {LabelsName} ({files[0]}, {files[1]}); a data set has one."
            );
        }
        if (files.Count > 0)
        {
            var root = files[0][..^LabelsName.Length];
            List<string> names = [.. listing.Images.Where(n => n.StartsWith(root, StringComparison.Ordinal))];
            foreach (var beside in listing.Images.Where(n => !n.StartsWith(root, StringComparison.Ordinal)))
            {
                listing.PassOver($"images beside the folder {root} of {LabelsName}", beside);
            }
            if (names.Count == 0)
            {
                throw new InvalidDataException($"{Path}: there is no PNG or JPEG file below {root}, where {LabelsName} lies.");
            }
            return ([.. names.Select(n => byName[n])], ReadLabels(byName[files[0]], names.ConvertAll(n => n[root.Length..])), []);
        }

        // Folders that are numbered are how EDM's tool lays out images, and one folder is no choice: no classes.
        var classes = listing.Folders.Count > 1 && !listing.Folders.All(f => f.Length == 5 && f.All(char.IsAsciiDigit));
        var records = listing.Records(classes);
        return (
            [.. records.Select(r => byName[r.Name])],
            classes ? [.. records.Select(r => r.Label)] : null,
            classes ? [.. listing.Folders.Select(f => ImageNetClasses.Find(f)?.Name ?? f)] : []
        );
    }

    private static bool IsLabels(string name) =>
        name == LabelsName
        || (
            name.EndsWith("/" + LabelsName, StringComparison.Ordinal)
            && name.IndexOf('/') == name.Length - LabelsName.Length - 1
            && !ImageListing.IsSystem(name[..name.IndexOf('/')])
        );

    private (int Side, int Channels) Size()
    {
        var common = ImageSizes.Common(Path, Count, index => Guarded(index, file => ImageDecoder.Measure(file)));
        return common.Width == common.Height
            ? (common.Width, common.Channels)
            : throw new InvalidDataException(
                $"{Path}: most images have {common.Width}x{common.Height} pixels; the images of a dataset zip are square. EDM's "
                    + "dataset_tool makes them so, or use a folder, which is cropped."
            );
    }

    private Raster Decode(int index, out PixelChanges changes)
    {
        var found = PixelChanges.None;
        var image = Guarded(index, file => ImageDecoder.Decode(file, out found));
        changes = found;
        return image;
    }

    private T Guarded<T>(int index, Func<ArraySegment<byte>, T> read)
    {
        byte[]? rented = null;
        try
        {
            var file = _zip.Rent(_items[index], ImageDecoder.MaxFileBytes);
            rented = file.Array;
            return read(file);
        }
        catch (InvalidDataException e)
        {
            throw Corrupt(index, e.Message.TrimEnd('.'), e);
        }
        finally
        {
            if (rented is not null)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }

    private int[]? ReadLabels(ZipItem item, List<string> names)
    {
        ArraySegment<byte> file;
        try
        {
            file = _zip.Rent(item, MaxLabels);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{Path}: {LabelsName} cannot be read: {e.Message}.", e);
        }

        try
        {
            var byName = ParseLabels(file);
            if (byName is null)
            {
                return null;
            }
            return
            [
                .. names.Select(n =>
                    byName.TryGetValue(n, out var label)
                        ? label
                        : throw new InvalidDataException($"{Path}: {LabelsName} has no label for {n}.")
                ),
            ];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or DecoderFallbackException)
        {
            throw new InvalidDataException($"{Path}: {LabelsName} is not {{\"labels\": [[name, class], …]}}: {e.Message}", e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(file.Array!);
        }
    }

    private static Dictionary<string, int>? ParseLabels(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("it is no object");
        }
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var wanted = reader.ValueTextEquals("labels");
            reader.Read();
            if (!wanted)
            {
                reader.Skip();
                continue;
            }

            return reader.TokenType switch
            {
                JsonTokenType.Null => null,
                JsonTokenType.StartArray => Pairs(ref reader),
                _ => throw new JsonException("\"labels\" is neither null nor a list"),
            };
        }

        return null;
    }

    private static Dictionary<string, int>? Pairs(ref Utf8JsonReader reader)
    {
        var labels = new Dictionary<string, int>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.StartArray || !reader.Read() || reader.TokenType != JsonTokenType.String)
            {
                throw new JsonException($"label {labels.Count} is no pair of a name and a class");
            }
            // EDM's loader compares names with forward slashes.
            var name = reader.GetString()!.Replace('\\', '/');
            if (!reader.Read() || reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out var label))
            {
                throw new JsonException($"the class of {name} is no whole number (vectors as labels are not supported)");
            }
            if (label is < 0 or >= MaxClasses)
            {
                throw new JsonException($"the class of {name} is {label}; expected 0 to {MaxClasses - 1}");
            }
            if (!reader.Read() || reader.TokenType != JsonTokenType.EndArray)
            {
                throw new JsonException($"the label of {name} has more than a name and a class");
            }
            labels[name] = label;
        }

        return labels.Count == 0 ? null : labels;
    }
}
