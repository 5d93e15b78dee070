using System.Numerics;
using System.Text.Json;

namespace SmtWeb.Data.Weights;

/// <summary>
/// The JSON header of a safetensors file. It comes from strangers: every number in it is checked before it is used,
/// and the data must be covered exactly once, so that no two tensors share bytes and no byte is hidden.
/// </summary>
internal static class SafetensorsHeader
{
    /// <summary>The format's own limit.</summary>
    public const int MaxBytes = 100_000_000;

    public const string MetadataName = "__metadata__";

    public static (Dictionary<string, string> Metadata, List<SafetensorsEntry> Entries) Parse(byte[] header)
    {
        try
        {
            using var document = JsonDocument.Parse(header, new JsonDocumentOptions { MaxDepth = 8 });
            return Read(document.RootElement);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"safetensors: the header is not JSON: {e.Message}", e);
        }
        catch (InvalidOperationException e)
        {
            // the reader's word for bytes and escapes that make no characters
            throw new InvalidDataException($"safetensors: a name or text of the header is none: {e.Message}", e);
        }
    }

    private static (Dictionary<string, string>, List<SafetensorsEntry>) Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException("safetensors: the header is not a JSON object.");
        }

        var metadata = new Dictionary<string, string>();
        var entries = new List<SafetensorsEntry>();
        var names = new HashSet<string>();
        foreach (var property in root.EnumerateObject())
        {
            if (!names.Add(property.Name))
            {
                throw new InvalidDataException($"safetensors: \"{property.Name}\" appears twice in the header.");
            }
            if (property.Name == MetadataName)
            {
                ReadMetadata(property.Value, metadata);
            }
            else
            {
                entries.Add(ReadEntry(property.Name, property.Value));
            }
        }

        // Empty tensors share their offset with the next one and come before it.
        entries.Sort((a, b) => a.Offset != b.Offset ? a.Offset.CompareTo(b.Offset) : a.ByteCount.CompareTo(b.ByteCount));
        long end = 0;
        foreach (var entry in entries)
        {
            if (entry.Offset != end)
            {
                throw new InvalidDataException(
                    $"safetensors: tensor \"{entry.Name}\" begins at byte {entry.Offset}, but the data before it ends at {end} (overlap "
                        + "or gap)."
                );
            }
            end += entry.ByteCount;
        }

        return (metadata, entries);
    }

    private static void ReadMetadata(JsonElement json, Dictionary<string, string> metadata)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException($"safetensors: {MetadataName} is not an object.");
        }
        foreach (var item in json.EnumerateObject())
        {
            if (item.Value.ValueKind != JsonValueKind.String)
            {
                throw new InvalidDataException($"safetensors: {MetadataName} \"{item.Name}\" is not a string.");
            }
            if (!metadata.TryAdd(item.Name, item.Value.GetString()!))
            {
                throw new InvalidDataException($"safetensors: {MetadataName} \"{item.Name}\" appears twice.");
            }
        }
    }

    private static SafetensorsEntry ReadEntry(string name, JsonElement json)
    {
        var what = $"safetensors: tensor \"{name}\"";
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException($"{what} is not described by an object.");
        }

        if (!json.TryGetProperty("dtype", out var dtype) || dtype.ValueKind != JsonValueKind.String)
        {
            throw new InvalidDataException($"{what} has no dtype.");
        }
        if (!Enum.TryParse<SafetensorsType>(dtype.GetString(), out var type) || type.ToString() != dtype.GetString())
        {
            throw new InvalidDataException(
                $"{what} has dtype \"{dtype.GetString()}\"; supported are {string.Join(", ", Enum.GetNames<SafetensorsType>())}."
            );
        }

        var shape = Numbers(json, "shape", what);
        var bytes = shape.Aggregate((BigInteger)type.Size(), (product, side) => product * side);
        if (bytes > long.MaxValue)
        {
            throw new InvalidDataException($"{what} has a shape [{string.Join(",", shape)}] beyond 2^63 bytes.");
        }

        var offsets = Numbers(json, "data_offsets", what);
        if (offsets.Count != 2)
        {
            throw new InvalidDataException($"{what} has {offsets.Count} data_offsets instead of two.");
        }
        if (offsets[1] < offsets[0] || offsets[1] - offsets[0] != (long)bytes)
        {
            throw new InvalidDataException(
                $"{what} has data_offsets [{offsets[0]},{offsets[1]}], but {type} [{string.Join(",", shape)}] takes {bytes} bytes."
            );
        }
        return new SafetensorsEntry(name, type, shape, offsets[0], (long)bytes);
    }

    private static List<long> Numbers(JsonElement json, string member, string what)
    {
        if (!json.TryGetProperty(member, out var list) || list.ValueKind != JsonValueKind.Array)
        {
            throw new InvalidDataException($"{what} has no list \"{member}\".");
        }
        if (list.GetArrayLength() > 64)
        {
            throw new InvalidDataException($"{what} has {list.GetArrayLength()} entries in \"{member}\".");
        }
        var numbers = new List<long>();
        foreach (var item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out var number) || number < 0)
            {
                throw new InvalidDataException($"{what} has {item.GetRawText()} in \"{member}\"; expected a whole number, not negative.");
            }
            numbers.Add(number);
        }

        return numbers;
    }
}
