using System.Buffers.Binary;
using System.Numerics;
using SmtWeb.Data.Weights.Bytes;
using SmtWeb.Data.Weights.Pickle;

namespace SmtWeb.Data.Weights.PyTorch;

/// <summary>
/// torch.save as it was before 1.6, and as it still is inside EDM snapshots: five pickles in a row (magic number,
/// protocol, facts of the machine, the object, keys of the storages), then for each key its element count and raw data.
/// </summary>
internal static class LegacyStream
{
    private const long Protocol = 1001;

    private static readonly BigInteger Magic = BigInteger.Parse(
        "119547037146038801333356",
        System.Globalization.CultureInfo.InvariantCulture
    );

    /// <summary>Whether the source begins with the magic number.</summary>
    public static bool Recognise(ByteSource source)
    {
        if (source.Length < 15)
        {
            return false;
        }
        Span<byte> start = stackalloc byte[14];
        source.Read(0, start, "its first bytes");
        return start[0] == 0x80 && start[2] == 0x8a && start[3] == 10 && new BigInteger(start[4..]) == Magic;
    }

    /// <summary>The object; its storages are known when this returns, and read when they are opened.</summary>
    /// <exception cref="WeightsException">The stream is damaged or uses a name that is not allowed.</exception>
    public static object? Read(ByteSource source, PickleBudget budget, string path)
    {
        var plain = new PickleSurroundings { Path = path };
        if (Unpickler.Load(source, 0, budget, plain, out var position) is not BigInteger magic || magic != Magic)
        {
            throw new WeightsException($"{path}The stream does not begin with the magic number of torch.save.");
        }
        if (Unpickler.Load(source, position, budget, plain, out position) is not Protocol)
        {
            throw new WeightsException($"{path}The stream has another protocol than {Protocol}.");
        }
        if ((Unpickler.Load(source, position, budget, plain, out position) as PickleDict)?["little_endian"] is not true)
        {
            throw new WeightsException($"{path}The stream was written on a big-endian machine, or does not say.");
        }

        var storages = new Storages(path);
        var value = Unpickler.Load(
            source,
            position,
            budget,
            new PickleSurroundings { Path = path, Persistent = storages.Resolve },
            out position
        );
        var keys =
            Unpickler.Load(source, position, budget, plain, out position) as PickleList
            ?? throw new WeightsException($"{path}The stream has no list of storage keys.");
        storages.Locate(source, position, keys);
        return value;
    }

    /// <summary>Storages by key; their bytes come last in the stream.</summary>
    private sealed class Storages(string path)
    {
        private readonly Dictionary<string, Place> _places = new(StringComparer.Ordinal);

        public TorchStorage Resolve(PickleTuple id)
        {
            var (type, key, elements) = PersistentId.Parse(id, path);
            if (!_places.TryGetValue(key, out var place))
            {
                _places.Add(key, place = new Place(type, elements));
            }
            if (place.Type != type || place.Elements != elements)
            {
                throw new WeightsException($"{path}Storage {key} is announced twice in different ways.");
            }

            // Views of storages (PyTorch before 0.4): (key, offset, size) in elements.
            if (id.Items is not [_, _, _, _, _, PickleTuple view])
            {
                return place.Whole ??= new TorchStorage(type, elements, place.Open);
            }
            if (view.Items is not [string, long offset, long size] || offset < 0 || size < 0 || offset > elements - size)
            {
                throw new WeightsException($"{path}A view of storage {key} lies outside of it.");
            }
            return new TorchStorage(
                type,
                size,
                () => place.Open().Slice(offset * type.Size(), size * type.Size(), $"a view of storage {key}")
            );
        }

        public void Locate(ByteSource source, long position, PickleList keys)
        {
            Span<byte> prefix = stackalloc byte[8];
            foreach (var item in keys.Items)
            {
                if (item is not string key || !_places.TryGetValue(key, out var place) || place.Bytes is not null)
                {
                    throw new WeightsException(
                        $"{path}The list of storage keys names {PickleCalls.Describe(item)}, which no tensor uses or which was named "
                            + "before."
                    );
                }
                source.Read(position, prefix, $"{path}storage {key}");
                var elements = BinaryPrimitives.ReadInt64LittleEndian(prefix);
                if (elements != place.Elements)
                {
                    throw new WeightsException($"{path}Storage {key} has {elements} elements; {place.Elements} were announced.");
                }
                place.Bytes = source.Slice(position + 8, checked(elements * place.Type.Size()), $"{path}Storage {key}");
                position += 8 + place.Bytes.Length;
            }

            foreach (var (key, place) in _places)
            {
                if (place.Bytes is null)
                {
                    throw new WeightsException($"{path}Storage {key} is used, but the stream has no data for it.");
                }
            }
            if (position != source.Length)
            {
                throw new WeightsException($"{path}{source.Length - position} bytes follow the last storage.");
            }
        }

        private sealed class Place(SafetensorsType type, long elements)
        {
            public SafetensorsType Type { get; } = type;

            public long Elements { get; } = elements;

            public TorchStorage? Whole { get; set; }

            public ByteSource? Bytes { get; set; }

            public ByteSource Open() => Bytes ?? throw new WeightsException("A storage is used before the stream said where it is.");
        }
    }
}
