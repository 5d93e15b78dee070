using SmtWeb.Data.Weights.Archives;
using SmtWeb.Data.Weights.Bytes;
using SmtWeb.Data.Weights.Pickle;

namespace SmtWeb.Data.Weights.PyTorch;

/// <summary>
/// torch.save since 1.6, and TorchScript: a zip of <c>NAME/data.pkl</c> and one entry <c>NAME/data/KEY</c> for each storage.
/// </summary>
internal sealed class TorchArchive
{
    private const string PickleName = "data.pkl";
    private const long MaxPickleBytes = 64L << 20;

    private readonly ZipContent _zip;
    private readonly string _root;
    private readonly Dictionary<string, TorchStorage> _storages = new(StringComparer.Ordinal);

    private TorchArchive(ZipContent zip, string root) => (_zip, _root) = (zip, root);

    /// <summary>The object of the archive; storages are read when they are opened.</summary>
    /// <exception cref="WeightsException">The archive is damaged, hostile or no archive of PyTorch.</exception>
    public static object? Read(ByteSource source, PickleBudget budget)
    {
        var zip = new ZipContent(source);
        var pickles = zip
            .Entries.Where(e =>
                e.Name == PickleName || (e.Name.EndsWith("/" + PickleName, StringComparison.Ordinal) && e.Name.Count(c => c == '/') == 1)
            )
            .ToList();
        if (pickles.Count != 1)
        {
            throw new WeightsException($"zip: {pickles.Count} entries NAME/data.pkl; an archive of torch.save has one.");
        }
        var archive = new TorchArchive(zip, pickles[0].Name[..^PickleName.Length]);
        if (pickles[0].Bytes > MaxPickleBytes)
        {
            throw new WeightsException($"zip: '{pickles[0].Name}' takes {pickles[0].Bytes} bytes; at most {MaxPickleBytes} are read.");
        }
        if (archive.Text("byteorder") is { } order && order != "little")
        {
            throw new WeightsException($"The file was written in byte order '{PickleScan.Show(order)}'; only 'little' is read.");
        }

        var surroundings = new PickleSurroundings
        {
            Persistent = archive.Resolve,
            Script = zip.Find(archive._root + "constants.pkl") is not null,
        };
        var pickle = zip.Open(pickles[0]);
        var value = Unpickler.Load(pickle, 0, budget, surroundings, out var end);
        return end == pickle.Length
            ? value
            : throw new WeightsException($"{pickle.Length - end} bytes follow the pickle in '{pickles[0].Name}'.");
    }

    private TorchStorage Resolve(PickleTuple id)
    {
        var (type, key, elements) = PersistentId.Parse(id, "");
        if (_storages.TryGetValue(key, out var known))
        {
            return known.Type == type && known.Elements == elements
                ? known
                : throw new WeightsException($"Storage {key} is announced twice in different ways.");
        }
        var entry =
            _zip.Find($"{_root}data/{key}")
            ?? throw new WeightsException($"A tensor uses storage {key}, but the archive has no entry '{_root}data/{key}'.");
        if (entry.Bytes != elements * type.Size())
        {
            throw new WeightsException(
                $"Storage {key} is announced with {elements} elements of {type}, but '{entry.Name}' has {entry.Bytes} bytes."
            );
        }
        var storage = new TorchStorage(type, elements, () => _zip.Open(entry));
        _storages.Add(key, storage);
        return storage;
    }

    private string? Text(string name) =>
        _zip.Find(_root + name) is { Bytes: <= 64 } entry
            ? System.Text.Encoding.ASCII.GetString(_zip.Open(entry).ToArray(entry.Name)).Trim()
            : null;
}
