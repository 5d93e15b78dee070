using SmtWeb.Data.Batches;
using SmtWeb.Data.Files;

namespace SmtWeb.Data.Formats;

/// <summary>
/// CIFAR-10 as published (Krizhevsky 2009): the binary version (a record is a label byte and 3072 bytes: the red, green
/// and blue planes of 32x32) or the python version (pickled batches), as the .tar.gz or unpacked. Held in memory: 184 MB.
/// </summary>
public static class Cifar10
{
    /// <summary>Height and width.</summary>
    public const int Side = 32;

    private const int Channels = 3;
    private const int ImageBytes = Channels * Side * Side;

    /// <summary>Most records of one batch file; the published ones have 10,000.</summary>
    private const int MaxRecords = 20_000;

    /// <summary>Names of the ten classes, in the order of their labels.</summary>
    public static IReadOnlyList<string> ClassNames { get; } =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    /// <summary>
    /// Opens the archive, the unpacked folder (or the one that holds it), or a single batch. <paramref name="train"/>
    /// takes the batches data_batch_1 to 5, else test_batch.
    /// </summary>
    /// <exception cref="FileNotFoundException">There is no batch there; says what was looked for.</exception>
    /// <exception cref="InvalidDataException">A file is damaged; names the file and the place.</exception>
    public static ImageSource Open(string path, bool train = true)
    {
        var batches = Batches(path, train);
        if (batches.Count == 0)
        {
            throw new FileNotFoundException(
                $"{path}: holds no batch of CIFAR-10; looked for {(train ? "data_batch_1 to data_batch_5" : "test_batch")}, with or "
                    + "without .bin.",
                path
            );
        }

        var read = batches
            .OrderBy(b => b.Name, StringComparer.Ordinal)
            .Select(b => (b.Name, Batch: IsBinary(b.Name) ? ReadBinary(b.Content) : Cifar10Pickle.Read($"{path}: {b.Name}", b.Content)))
            .ToList();
        return new MemorySource(
            path,
            Channels,
            Side,
            ClassNames.Count,
            Concatenate(read.ConvertAll(r => r.Batch.Images)),
            [.. read.SelectMany(r => r.Batch.Labels)],
            read.ConvertAll(r => new SourcePart(r.Name, r.Batch.Labels.Length))
        )
        {
            Names = ClassNames,
        };
    }

    /// <summary>Whether <see cref="Open"/> would find batches to read; says nothing about their contents.</summary>
    internal static bool Looks(string path) =>
        Directory.Exists(path)
            ? Folder(path) is not null
            : System.IO.Path.GetFileName(path) is var name
                && (IsBatch(name, true) || (name.StartsWith("cifar-10", StringComparison.Ordinal) && IsArchive(name)));

    private static bool IsArchive(string name) =>
        name.EndsWith(".tar.gz", StringComparison.Ordinal)
        || name.EndsWith(".tgz", StringComparison.Ordinal)
        || name.EndsWith(".tar", StringComparison.Ordinal);

    private static bool IsBinary(string name) => name.EndsWith(".bin", StringComparison.Ordinal);

    private static bool IsBatch(string name, bool train) =>
        System.IO.Path.GetFileNameWithoutExtension(name) is var plain
        && name[plain.Length..] is "" or ".bin"
        && (train ? plain is ['d', 'a', 't', 'a', '_', 'b', 'a', 't', 'c', 'h', '_', >= '1' and <= '5'] : plain == "test_batch");

    // A folder of batches, or one that holds the folder that the archive unpacks to.
    private static string? Folder(string path) =>
        new[]
        {
            path,
            System.IO.Path.Combine(path, "cifar-10-batches-bin"),
            System.IO.Path.Combine(path, "cifar-10-batches-py"),
        }.FirstOrDefault(f =>
            Directory.Exists(f) && Directory.EnumerateFiles(f).Any(file => IsBatch(System.IO.Path.GetFileName(file), true))
        );

    private static List<(string Name, byte[] Content)> Batches(string path, bool train)
    {
        const int maxFile = MaxRecords * (ImageBytes + 256);
        if (File.Exists(path))
        {
            return IsArchive(path)
                ? TarFile.Read(path, name => IsBatch(name[(name.LastIndexOf('/') + 1)..], train), maxFile)
                : [(System.IO.Path.GetFileName(path), PlainFile.ReadAllBytes(path, maxFile))];
        }
        if (!Directory.Exists(path))
        {
            throw new FileNotFoundException($"{path}: there is no such file or folder.", path);
        }
        return Folder(path) is not { } folder
            ? []
            :
            [
                .. Directory
                    .EnumerateFiles(folder)
                    .Where(f => IsBatch(System.IO.Path.GetFileName(f), train))
                    .Select(f => (System.IO.Path.GetFileName(f), PlainFile.ReadAllBytes(f, maxFile))),
            ];
    }

    private static (byte[] Images, int[] Labels) ReadBinary(byte[] content)
    {
        const int record = ImageBytes + 1;
        var count = (content.Length + record - 1) / record;
        // A record that the file ends in keeps its place and is found corrupt when it is read.
        var images = new byte[Math.Max(0, content.Length - count)];
        var labels = new int[count];
        for (var i = 0; i < count; i++)
        {
            labels[i] = content[i * record];
            var rest = content.AsSpan((i * record) + 1);
            rest[..Math.Min(rest.Length, ImageBytes)].CopyTo(images.AsSpan(i * ImageBytes));
        }

        return (images, labels);
    }

    private static byte[] Concatenate(List<byte[]> parts)
    {
        if (parts.Count == 1)
        {
            return parts[0];
        }
        // Only the last record of a part can be cut; its missing bytes would shift all that follow.
        var cut = parts.FindIndex(p => p.Length % ImageBytes != 0);
        if (cut >= 0 && cut < parts.Count - 1)
        {
            throw new InvalidDataException(
                $"batch {cut + 1} of {parts.Count} ends inside a record: {parts[cut].Length} bytes of pixels are no multiple of "
                    + $"{ImageBytes}."
            );
        }
        var all = new byte[parts.Sum(p => (long)p.Length)];
        var at = 0;
        foreach (var part in parts)
        {
            part.CopyTo(all, at);
            at += part.Length;
        }

        return all;
    }
}
