using System.Buffers;
using System.Text;
using System.Text.Json;
using SmtWeb.Smt.Imaging;

namespace SmtWeb.Smt.Datasets;

/// <summary>
/// A dataset zip as EDM's dataset tool writes it: PNG files (stored or deflated), all of one square size, grey or RGB, and
/// a dataset.json with <c>{"labels": [[name, class], …]}</c>, <c>{"labels": null}</c>, or none. Records are in the order
/// of their names, as EDM's loader takes them. JPEG files are read as well.
/// </summary>
public sealed class ZipSource : ImageSource
{
    private const int MaxLabels = 512 << 20;
    private const int MaxClasses = 1 << 20;
    private const string LabelsName = "dataset.json";

    private readonly ZipIndex zip;
    private readonly ZipItem[] items;
    private readonly int[]? labels;

    /// <summary>Opens the archive: reads its directory, its labels and the size of its first image.</summary>
    /// <exception cref="InvalidDataException">It is no such archive; names the place.</exception>
    public ZipSource(string path)
    {
        Path = path;
        zip = new ZipIndex(path);
        try
        {
            var all = zip.Items();
            var images = all.Where(f => ImageDecoder.Extensions.Contains(System.IO.Path.GetExtension(f.Name).ToLowerInvariant())).ToList();
            images.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
            if (images.Count == 0) throw new InvalidDataException($"{path}: holds no PNG or JPEG file.");
            items = [.. images.Select(f => f.Item)];
            if (all.FirstOrDefault(f => f.Name == LabelsName) is { Name: not null } file) labels = ReadLabels(file.Item, images.ConvertAll(f => f.Name));
            Classes = labels is null ? 0 : labels.Max() + 1;
            (Side, Channels) = FirstSize();
        }
        catch
        {
            zip.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Path { get; }

    /// <inheritdoc/>
    public override int Count => items.Length;

    /// <inheritdoc/>
    public override int Channels { get; }

    /// <inheritdoc/>
    public override int Side { get; }

    /// <inheritdoc/>
    public override int Classes { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => Classes == ImageNetClasses.Count ? ImageNetClasses.Names : [];

    /// <inheritdoc/>
    public override string NameOf(int index) => zip.NameOf(items[index]);

    /// <inheritdoc/>
    public override int Read(int index, Span<byte> pixels) => Read(index, pixels, out _);

    /// <inheritdoc/>
    public override int Read(int index, Span<byte> pixels, out PixelChanges changes)
    {
        var image = Decode(index, out changes);
        if (image.Width != Side || image.Height != Side || image.Channels != Channels)
            throw Corrupt(index, $"it has {image.Width}x{image.Height} pixels and {Text(image.Channels)}; the first image has {Side}x{Side} and {Text(Channels)}");
        ToPlanes(image.Pixels, Channels, Channels, pixels);
        return labels?[index] ?? -1;
    }

    /// <inheritdoc/>
    public override void Dispose() => zip.Dispose();

    private static string Text(int channels) => channels == 1 ? "1 channel" : $"{channels} channels";

    // The first that can be read says what the others must be.
    private (int Side, int Channels) FirstSize()
    {
        CorruptRecordException? first = null;
        for (var i = 0; i < Math.Min(items.Length, 16); i++)
        {
            try
            {
                var image = Decode(i, out _);
                return image.Width == image.Height ? (image.Width, image.Channels)
                    : throw new InvalidDataException($"{Path}: {NameOf(i)} has {image.Width}x{image.Height} pixels; the images of a dataset zip are square. EDM's dataset_tool makes them so, or use a folder, which is cropped.");
            }
            catch (CorruptRecordException e)
            {
                first ??= e;
            }
        }

        throw first!;
    }

    private Raster Decode(int index, out PixelChanges changes)
    {
        byte[]? rented = null;
        try
        {
            var file = zip.Rent(items[index], ImageDecoder.MaxFileBytes);
            rented = file.Array;
            return ImageDecoder.Decode(file, out changes);
        }
        catch (InvalidDataException e)
        {
            throw Corrupt(index, e.Message.TrimEnd('.'), e);
        }
        finally
        {
            if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private int[]? ReadLabels(ZipItem item, List<string> names)
    {
        ArraySegment<byte> file;
        try
        {
            file = zip.Rent(item, MaxLabels);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{Path}: {LabelsName} cannot be read: {e.Message}.", e);
        }

        try
        {
            var byName = ParseLabels(file);
            if (byName is null) return null;
            return [.. names.Select(n => byName.TryGetValue(n, out var label) ? label : throw new InvalidDataException($"{Path}: {LabelsName} has no label for {n}."))];
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
        if (reader.TokenType != JsonTokenType.StartObject) throw new JsonException("it is no object");
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
                throw new JsonException($"label {labels.Count} is no pair of a name and a class");
            // EDM's loader compares names with forward slashes.
            var name = reader.GetString()!.Replace('\\', '/');
            if (!reader.Read() || reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out var label))
                throw new JsonException($"the class of {name} is no whole number (vectors as labels are not supported)");
            if (label is < 0 or >= MaxClasses) throw new JsonException($"the class of {name} is {label}; expected 0 to {MaxClasses - 1}");
            if (!reader.Read() || reader.TokenType != JsonTokenType.EndArray) throw new JsonException($"the label of {name} has more than a name and a class");
            labels[name] = label;
        }

        return labels.Count == 0 ? null : labels;
    }
}
