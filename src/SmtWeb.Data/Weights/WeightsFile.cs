using SmtWeb.Data.Weights.Bytes;
using SmtWeb.Data.Weights.Pickle;
using SmtWeb.Data.Weights.PyTorch;

namespace SmtWeb.Data.Weights;

/// <summary>How a file of weights is written.</summary>
public enum WeightsFormat
{
    /// <summary>safetensors.</summary>
    Safetensors,

    /// <summary>torch.save since 1.6, or TorchScript: a zip archive.</summary>
    TorchZip,

    /// <summary>torch.save before 1.6.</summary>
    TorchLegacy,

    /// <summary>A Python pickle, as EDM's network snapshots.</summary>
    Pickle,
}

/// <summary>
/// A file of weights from anywhere: safetensors, PyTorch .pth and .pt (zip and legacy), EDM snapshots. The file is taken
/// for hostile: nothing in it runs, every size is checked before it is believed, and tensors stay on disk until they are
/// read. Whatever is wrong with it is a <see cref="WeightsException"/>.
/// </summary>
public sealed class WeightsFile : IDisposable
{
    // What a snapshot or training state calls the network to use; averaged weights before raw ones.
    private static readonly string[] NetworkKeys = ["ema", "G_ema", "ema_model", "net", "state_dict", "model"];

    private readonly IDisposable _file;

    // of a graph of objects
    private WeightsFile(IDisposable file, WeightsFormat format, object? root, PickleBudget budget)
        : this(file, format, root, null, new Dictionary<string, string>()) => budget.Tensors(Tensors);

    private WeightsFile(
        IDisposable file,
        WeightsFormat format,
        object? root,
        IReadOnlyList<WeightTensor>? tensors,
        IReadOnlyDictionary<string, string> metadata
    )
    {
        (_file, Format, Metadata) = (file, format, metadata);
        (Part, Network) = tensors is null ? Choose(root) : (null, null);
        Root = root;
        Tensors = tensors ?? TensorTree.Collect(Network);
    }

    /// <summary>How it is written.</summary>
    public WeightsFormat Format { get; }

    /// <summary>
    /// The tensors of the network, in the order of its state dict. Of a snapshot with several parts (<c>ema</c>,
    /// <c>net</c>, …) the one named by <see cref="Part"/>, without that prefix.
    /// </summary>
    public IReadOnlyList<WeightTensor> Tensors { get; }

    /// <summary>The part of the file that was taken, or null where it has only one.</summary>
    public string? Part { get; }

    /// <summary>Metadata of safetensors; empty for the others.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The whole content as plain data; null for safetensors.</summary>
    internal object? Root { get; }

    /// <summary>What <see cref="Tensors"/> were taken from.</summary>
    internal object? Network { get; }

    /// <summary>Opens a file and reads its structure; the tensors are read later.</summary>
    /// <exception cref="WeightsException">The file is damaged, hostile or of no known kind.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static WeightsFile Open(string path)
    {
        var file = new FileSource(path);
        try
        {
            return Open(file, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens a file that is in memory.</summary>
    internal static WeightsFile Open(ReadOnlyMemory<byte> bytes) => Open(new MemorySource(bytes), Stream.Null);

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static WeightsFile Open(ByteSource source, IDisposable owner)
    {
        if (source.Length < 2)
        {
            throw new WeightsException($"The file has {source.Length} bytes: it holds no weights.");
        }
        Span<byte> start = stackalloc byte[9];
        start = start[..(int)Math.Min(source.Length, start.Length)];
        source.Read(0, start, "its first bytes");
        if (start.Length == 9 && start[8] == '{')
        {
            return OpenSafetensors(source, owner);
        }

        var budget = new PickleBudget(source.Length);
        if (start.StartsWith("PK"u8))
        {
            return new WeightsFile(owner, WeightsFormat.TorchZip, TorchArchive.Read(source, budget), budget);
        }
        if (LegacyStream.Recognise(source))
        {
            return new WeightsFile(owner, WeightsFormat.TorchLegacy, LegacyStream.Read(source, budget, ""), budget);
        }
        if (!LooksLikePickle(start))
        {
            throw new WeightsException(
                "The file is neither safetensors nor a zip archive nor a pickle: SmtWeb reads safetensors, PyTorch .pth and .pt, and "
                    + "EDM .pkl."
            );
        }
        var root = Unpickler.Load(source, 0, budget, new PickleSurroundings(), out var end);
        if (end != source.Length)
        {
            throw new WeightsException($"{source.Length - end} bytes follow the end of the pickle at {end}.");
        }
        return new WeightsFile(owner, WeightsFormat.Pickle, root, budget);
    }

    // Protocols 2 and up begin with 0x80; older ones with the opcode of a container, a string, a name or a number.
    private static bool LooksLikePickle(ReadOnlySpan<byte> start) =>
        (start[0] == 0x80 && start[1] <= 5) || "(]})lcdVSINFGKMJXUT"u8.Contains(start[0]);

    private static WeightsFile OpenSafetensors(ByteSource source, IDisposable owner)
    {
        try
        {
            var reader = SafetensorsReader.Open(new SourceStream(source));
            var data = source.Length - (reader.Entries.Count == 0 ? 0 : reader.Entries[^1].Offset + reader.Entries[^1].ByteCount);
            List<WeightTensor> tensors = [.. reader.Entries.Select(e => new WeightTensor(e.Name, View(source, data, e)))];
            return new WeightsFile(owner, WeightsFormat.Safetensors, null, tensors, reader.Metadata);
        }
        catch (InvalidDataException e)
        {
            throw new WeightsException(e.Message, e);
        }
    }

    private static TorchTensor View(ByteSource source, long data, SafetensorsEntry entry)
    {
        var strides = new long[entry.Shape.Count];
        for (var (k, step) = (strides.Length - 1, 1L); k >= 0; step *= entry.Shape[k--])
        {
            strides[k] = step;
        }
        var content = source.Slice(data + entry.Offset, entry.ByteCount, $"Tensor \"{entry.Name}\"");
        return new TorchTensor(
            new TorchStorage(entry.Type, entry.ByteCount / entry.Type.Size(), () => content),
            0,
            [.. entry.Shape],
            strides
        );
    }

    private static (string? Part, object? Network) Choose(object? root)
    {
        if (root is not PickleDict dict)
        {
            return (null, root);
        }
        foreach (var key in NetworkKeys)
        {
            if (dict[key] is PickleDict or PickleObject)
            {
                return (key, dict[key]);
            }
        }
        return (null, root);
    }
}
