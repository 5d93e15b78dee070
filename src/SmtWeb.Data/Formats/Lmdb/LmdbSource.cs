using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using SmtWeb.Data.Files;
using SmtWeb.Torch;

namespace SmtWeb.Data.Formats;

/// <summary>
/// An LMDB as the scripts of DMD2 and SMT write it for ImageNet-64: <c>images_{i}_data</c> are bytes [C,H,W],
/// <c>labels_{i}_data</c> an int64, <c>images_shape</c> and <c>labels_shape</c> decimals with spaces between.
/// Opened read-only and without locks, in the process that reads. The pages are mapped, so that memory is the
/// system's file cache. What the file says of itself is compared with its size first, because liblmdb trusts it.
/// </summary>
public sealed unsafe class LmdbSource : ImageSource
{
    private const uint Magic = 0xBEEFC0DE;
    private const int MaxShapeText = 128;

    private readonly ConcurrentBag<nint> _transactions = [];
    private readonly nint _environment;
    private readonly uint _database;
    private readonly (nuint From, nuint To) _map;
    private readonly int _labelled;
    private bool _disposed;

    /// <summary>Opens the folder that holds data.mdb, or the file. <paramref name="classes"/> bounds the labels.</summary>
    /// <exception cref="FileNotFoundException">There is no data.mdb.</exception>
    /// <exception cref="InvalidDataException">It is no LMDB of this layout, or is cut short.</exception>
    public LmdbSource(string path, int classes = ImageNetClasses.Count)
    {
        Path = path;
        Classes = classes;
        var file = Directory.Exists(path) ? System.IO.Path.Combine(path, "data.mdb") : path;
        if (!File.Exists(file))
        {
            throw new FileNotFoundException($"{file}: there is no such file; an LMDB is a folder that holds data.mdb.", file);
        }
        CheckSize(file);
        try
        {
            _environment = OpenEnvironment(file);
            try
            {
                var transaction = Begin();
                uint handle;
                Check(Lmdb.mdb_dbi_open(transaction, null, 0, &handle), "open the main table");
                _database = handle;
                _transactions.Add(transaction);
                var images = Shape(transaction, "images_shape", 4);
                _map = FindMap((nuint)Get(transaction, "images_shape"u8).Data.Data, file);
                if (images[2] != images[3])
                {
                    throw new InvalidDataException($"{path}: images_shape is {string.Join(' ', images)}; the images must be square.");
                }
                if (images[1] is not (1 or 3))
                {
                    throw new InvalidDataException(
                        $"{path}: images_shape is {string.Join(' ', images)}; the images must have 1 or 3 channels."
                    );
                }
                (Count, Channels, Side) = (images[0], images[1], images[2]);
                _labelled = Shape(transaction, "labels_shape", 0) is [var labels, ..] ? labels : 0;
                if (_labelled != 0 && _labelled != Count)
                {
                    throw new InvalidDataException($"{path}: labels_shape says {_labelled} labels for {Count} images.");
                }
                if (_labelled == 0)
                {
                    Classes = 0;
                }
            }
            catch
            {
                Dispose();
                throw;
            }
        }
        catch (DllNotFoundException e)
        {
            throw new IOException($"LMDB is read by {Lmdb.Library}, which is not installed: apt-get install liblmdb0", e);
        }
    }

    /// <inheritdoc/>
    public override string Path { get; }

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override int Channels { get; }

    /// <inheritdoc/>
    public override int Side { get; }

    /// <inheritdoc/>
    public override int Classes { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => Classes == ImageNetClasses.Count ? ImageNetClasses.Names : [];

    /// <inheritdoc/>
    public override IReadOnlyList<int>? ClassCounts => Classes == 0 ? null : ClassCoverage.Count(Labels(), Classes);

    /// <inheritdoc/>
    public override string NameOf(int index) => $"images_{index}_data";

    /// <inheritdoc/>
    public override int Read(int index, Span<byte> pixels)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
        ObjectDisposedException.ThrowIf(_disposed, this);
        // A transaction serves one thread at a time; as many are kept as threads read at once.
        if (!_transactions.TryTake(out var transaction))
        {
            transaction = Begin();
        }
        try
        {
            var image = Get(transaction, index, "images_");
            if (image.Length != ImageBytes)
            {
                throw Corrupt(index, $"it has {image.Length} bytes; images_shape says {Channels}x{Side}x{Side} = {ImageBytes}");
            }
            image.CopyTo(pixels);
            if (Classes == 0)
            {
                return -1;
            }
            var bytes = Get(transaction, index, "labels_");
            if (bytes.Length != sizeof(long))
            {
                throw Corrupt(index, $"labels_{index}_data has {bytes.Length} bytes; a label is an int64 of 8");
            }
            var label = BinaryPrimitives.ReadInt64LittleEndian(bytes);
            return label >= 0 && label < Classes ? (int)label : throw Corrupt(index, $"its label is {label}; expected 0 to {Classes - 1}");
        }
        finally
        {
            _transactions.Add(transaction);
        }
    }

    // -1 for one that cannot be read: whoever reads the record is told
    private int[] Labels()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_transactions.TryTake(out var transaction))
        {
            transaction = Begin();
        }
        try
        {
            var labels = new int[Count];
            for (var k = 0; k < labels.Length; k++)
            {
                try
                {
                    labels[k] =
                        Get(transaction, k, "labels_") is { Length: sizeof(long) } bytes
                        && BinaryPrimitives.ReadInt64LittleEndian(bytes) is >= 0 and var label
                        && label < Classes
                            ? (int)label
                            : -1;
                }
                catch (CorruptRecordException)
                {
                    labels[k] = -1;
                }
            }

            return labels;
        }
        finally
        {
            _transactions.Add(transaction);
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (_disposed)
        {
            return;
        }
        _disposed = true;
        while (_transactions.TryTake(out var transaction))
        {
            Lmdb.mdb_txn_abort(transaction);
        }
        if (_environment != 0)
        {
            Lmdb.mdb_env_close(_environment);
        }
    }

    private ReadOnlySpan<byte> Get(nint transaction, int index, string prefix)
    {
        Span<byte> key = stackalloc byte[32];
        var length = Encoding.ASCII.GetBytes(prefix, key);
        index.TryFormat(key[length..], out var digits, default, CultureInfo.InvariantCulture);
        length += digits;
        "_data"u8.CopyTo(key[length..]);
        var (data, error) = Get(transaction, key[..(length + 5)]);
        return error == 0
            ? data.Span()
            : throw Corrupt(
                index,
                $"{Encoding.ASCII.GetString(key[..(length + 5)])}: {(error == Lmdb.NotFound ? "there is no such key" : Explain(error))}"
            );
    }

    private (Bytes Data, int Error) Get(nint transaction, ReadOnlySpan<byte> key)
    {
        fixed (byte* k = key)
        {
            var wanted = new Lmdb.Value { Size = (nuint)key.Length, Data = k };
            Lmdb.Value found;
            var error = Lmdb.mdb_get(transaction, _database, &wanted, &found);
            if (error != 0)
            {
                return (default, error);
            }
            // A length in a damaged page could lead out of the mapped file.
            if (_map.To != 0 && ((nuint)found.Data < _map.From || (nuint)found.Data + found.Size > _map.To))
            {
                return (default, Corrupted);
            }
            return found.Size > int.MaxValue ? (default, Corrupted) : (new Bytes((nint)found.Data, (int)found.Size), 0);
        }
    }

    private const int Corrupted = -30796;

    private readonly record struct Bytes(nint Data, int Length)
    {
        public ReadOnlySpan<byte> Span() => new((void*)Data, Length);
    }

    private int[] Shape(nint transaction, string key, int sides)
    {
        var (data, error) = Get(transaction, Encoding.ASCII.GetBytes(key));
        if (error == Lmdb.NotFound && sides == 0)
        {
            return [];
        }
        if (error != 0)
        {
            throw new InvalidDataException(
                $"{Path}: has no key \"{key}\" ({Explain(error)}), which the ImageNet-64 layout of DMD2 and SMT has."
            );
        }
        var text = Encoding.ASCII.GetString(data.Span()[..Math.Min(data.Length, MaxShapeText)]);
        var shape = text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(n => int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out var side) && side > 0 ? side : 0)
            .ToArray();
        var fits = shape.Length > 0 && !shape.Contains(0) && (sides == 0 || shape.Length == sides);
        if (fits && sides == 4)
        {
            fits =
                shape[2] <= Images.ImageDecoder.MaxSide
                && shape[3] <= Images.ImageDecoder.MaxSide
                && (long)shape[1] * shape[2] * shape[3] <= Images.ImageDecoder.MaxPixels;
        }
        return fits
            ? shape
            : throw new InvalidDataException(
                $"{Path}: {key} is \"{text}\"; expected {(sides == 0 ? "a number" : "four numbers such as 1281167 3 64 64")}."
            );
    }

    private nint OpenEnvironment(string file)
    {
        nint env;
        Check(Lmdb.mdb_env_create(&env), "start");
        try
        {
            // The size in the file is what its writer reserved (2 TB in the official script); liblmdb raises this to what is used.
            Check(Lmdb.mdb_env_set_mapsize(env, (nuint)new FileInfo(file).Length), "set the size of the map");
            Check(
                Lmdb.mdb_env_open(env, file, Lmdb.NoSubdirectory | Lmdb.ReadOnly | Lmdb.NoThreadLocal | Lmdb.NoLock | Lmdb.NoReadAhead, 0),
                "open it"
            );
            return env;
        }
        catch
        {
            Lmdb.mdb_env_close(env);
            throw;
        }
    }

    private nint Begin()
    {
        nint transaction;
        Check(Lmdb.mdb_txn_begin(_environment, 0, Lmdb.ReadOnly, &transaction), "begin to read");
        return transaction;
    }

    // Both meta pages: magic, version and the last page in use, which must lie inside the file; beyond its end a read would kill the
    // process.
    private void CheckSize(string file)
    {
        using var stream = PlainFile.OpenRead(file);
        var meta = new byte[16 + 136];
        (ulong Transaction, ulong Bytes) newest = default;
        uint page = 4096;
        for (var k = 0; k < 2; k++)
        {
            stream.Position = k * page;
            if (stream.ReadAtLeast(meta, meta.Length, throwOnEndOfStream: false) < meta.Length)
            {
                throw new InvalidDataException($"{file}: has {stream.Length} bytes, too few for an LMDB.");
            }
            if (
                BinaryPrimitives.ReadUInt32LittleEndian(meta.AsSpan(16)) != Magic
                || BinaryPrimitives.ReadUInt32LittleEndian(meta.AsSpan(20)) != 1
            )
            {
                throw new InvalidDataException(
                    $"{file}: is no LMDB of version 1 (meta page {k} begins with {Convert.ToHexString(meta.AsSpan(16, 8))})."
                );
            }
            if (k == 0)
            {
                page = BinaryPrimitives.ReadUInt32LittleEndian(meta.AsSpan(40)); // md_pad of the free list holds the page size
            }
            if (page is < 512 or > 65536 || (page & (page - 1)) != 0)
            {
                throw new InvalidDataException($"{file}: says its pages have {page} bytes.");
            }
            var last = BinaryPrimitives.ReadUInt64LittleEndian(meta.AsSpan(136));
            var transaction = BinaryPrimitives.ReadUInt64LittleEndian(meta.AsSpan(144));
            if (last > ulong.MaxValue / page - 1)
            {
                throw new InvalidDataException($"{file}: meta page {k} says that page {last} is in use.");
            }
            if (k == 0 || transaction > newest.Transaction)
            {
                newest = (transaction, (last + 1) * page);
            }
        }

        if (newest.Bytes > (ulong)stream.Length)
        {
            throw new InvalidDataException(
                $"{file}: is cut short: it has {stream.Length:N0} bytes, its last page in use ends at {newest.Bytes:N0}."
            );
        }
    }

    // The mapping that holds an address: the same file may be mapped twice.
    private static (nuint From, nuint To) FindMap(nuint address, string file)
    {
        try
        {
            foreach (var line in File.ReadLines("/proc/self/maps"))
            {
                var range = line[..line.IndexOf(' ', StringComparison.Ordinal)].Split('-');
                var (from, to) = (
                    nuint.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture),
                    nuint.Parse(range[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture)
                );
                if (address >= from && address < to)
                {
                    return (from, Math.Min(to, from + (nuint)new FileInfo(file).Length));
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            // without /proc the check by address is left out; sizes are still compared
        }

        return default;
    }

    private void Check(int error, string what)
    {
        if (error != 0)
        {
            throw new InvalidDataException($"{Path}: liblmdb could not {what}: {Explain(error)}.");
        }
    }

    private static string Explain(int error) =>
        error == Corrupted
            ? "a page is damaged"
            : Marshal.PtrToStringUTF8(Lmdb.mdb_strerror(error)) ?? error.ToString(CultureInfo.InvariantCulture);
}
