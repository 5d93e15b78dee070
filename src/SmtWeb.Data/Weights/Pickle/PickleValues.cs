using SmtWeb.Data.Weights.Bytes;

namespace SmtWeb.Data.Weights.Pickle;

/// <summary>
/// What a pickle holds, as data. None is null; numbers, truth values and strings are those of .NET. Nothing here compares
/// or prints its content, so that no nesting, however deep or circular, can exhaust the stack.
/// </summary>
internal abstract class PickleValue
{
    /// <summary>How deep the value is nested, as far as it is known when it is put together.</summary>
    public int Depth { get; set; }
}

/// <summary>A tuple.</summary>
internal sealed class PickleTuple(object?[] items) : PickleValue
{
    public object?[] Items { get; } = items;
}

/// <summary>A list or a set.</summary>
internal sealed class PickleList : PickleValue
{
    public List<object?> Items { get; } = [];

    public bool IsSet { get; init; }
}

/// <summary>A dict or an OrderedDict: items in order; of keys that are no strings every entry is kept.</summary>
internal sealed class PickleDict : PickleValue
{
    private readonly Dictionary<string, int> _index = new(StringComparer.Ordinal);

    public List<(object? Key, object? Value)> Items { get; } = [];

    public object? this[string key] => _index.TryGetValue(key, out var at) ? Items[at].Value : null;

    public bool Has(string key) => _index.ContainsKey(key);

    public void Set(object? key, object? value)
    {
        if (key is string text)
        {
            if (_index.TryGetValue(text, out var at))
            {
                Items[at] = (text, value);
                return;
            }

            _index.Add(text, Items.Count);
        }

        Items.Add((key, value));
    }
}

/// <summary>
/// An object of a class that SmtWeb knows by name only: a module of PyTorch, or one that EDM stored with its source
/// text, which is never looked at. <see cref="State"/> is what BUILD or the persistence record gave.
/// </summary>
internal sealed class PickleObject(string className) : PickleValue
{
    public string ClassName { get; } = className;

    /// <summary>Stored by EDM's torch_utils.persistence.</summary>
    public bool IsPersistent { get; init; }

    public PickleDict? State { get; set; }
}

/// <summary>A bytes object: a place in the file.</summary>
internal sealed class PickleBytes(ByteSource source) : PickleValue
{
    public ByteSource Source { get; } = source;
}

/// <summary>One of the names that are allowed; see <see cref="PickleNames"/>.</summary>
internal sealed class PickleGlobal(string name, PickleMeaning meaning, SafetensorsType? type = null) : PickleValue
{
    public string Name { get; } = name;

    public PickleMeaning Meaning { get; } = meaning;

    /// <summary>Element type of a storage class or a torch.dtype; null where it is in the storage itself.</summary>
    public SafetensorsType? Type { get; } = type;
}

/// <summary>numpy.dtype: its code (f8, i4, …) and byte order.</summary>
internal sealed class NumpyType(string code) : PickleValue
{
    public string Code { get; } = code;

    public bool BigEndian { get; set; }
}

/// <summary>numpy.ndarray: row-major unless <see cref="FortranOrder"/>.</summary>
internal sealed class NumpyArray : PickleValue
{
    public NumpyType? Type { get; set; }

    public long[] Shape { get; set; } = [];

    public bool FortranOrder { get; set; }

    public ByteSource? Bytes { get; set; }
}

/// <summary>A storage of PyTorch: elements of one type, found when they are needed.</summary>
internal sealed class TorchStorage(SafetensorsType type, long elements, Func<ByteSource> open) : PickleValue
{
    private ByteSource? _opened;

    public SafetensorsType Type { get; } = type;

    public long Elements { get; } = elements;

    /// <summary>The bytes. Legacy files say where they are only after the objects that use them.</summary>
    public ByteSource Open() => _opened ??= open();
}

/// <summary>A view of a storage; checked to lie inside it.</summary>
internal sealed class TorchTensor(TorchStorage storage, long offset, long[] shape, long[] strides) : PickleValue
{
    public TorchStorage Storage { get; } = storage;

    public long Offset { get; } = offset;

    public long[] Shape { get; } = shape;

    public long[] Strides { get; } = strides;
}
