using SmtWeb.Data.Weights.Pickle;

namespace SmtWeb.Data.Weights.PyTorch;

/// <summary>('storage', class, key, location, elements[, view]): how torch.save refers to a storage.</summary>
internal static class PersistentId
{
    private const int MaxKey = 64;

    public static (SafetensorsType Type, string Key, long Elements) Parse(PickleTuple id, string path)
    {
        if (
            id.Items
                is not [
                    "storage",
                    PickleGlobal { Meaning: PickleMeaning.ElementType, Type: { } type },
                    string key,
                    string,
                    long elements,
                    ..,
                ]
            || id.Items.Length > 6
        )
        {
            throw new WeightsException($"{path}A persistent id is not ('storage', class, key, location, elements).");
        }
        if (key.Length is 0 or > MaxKey || key.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not '_' and not '-'))
        {
            throw new WeightsException($"{path}The storage key '{PickleScan.Show(key)}' is no plain name.");
        }
        if (elements < 0 || elements > long.MaxValue / 8)
        {
            throw new WeightsException($"{path}Storage {key} is announced with {elements} elements.");
        }
        return (type, key, elements);
    }
}
