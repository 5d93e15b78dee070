using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using SmtWeb.Data.Files;
using SmtWeb.Data.Images;

namespace SmtWeb.Data.Formats;

/// <summary>
/// Reads a data set once from end to end: hashes every byte, decodes every record, counts classes, and draws a grid of
/// real samples. Memory does not grow with the data, but for the reader's own index.
/// </summary>
public static class DatasetCheck
{
    /// <summary>Corrupt records named in a report; all of them are counted.</summary>
    public const int MostNamed = 100;

    private const int MostCells = 100;
    private const int FewRecords = 512; // a usual batch
    private const int Block = 1 << 20;

    /// <summary>
    /// Checks the data of <paramref name="spec"/> at <paramref name="path"/>. A corrupt record is passed over where
    /// <paramref name="skip"/> is set. Returns the report and a picture of samples (PNG). Runs that find the result in the folder
    /// <paramref name="cache"/> need not read the data again before they start.
    /// </summary>
    /// <exception cref="CorruptRecordException">A record cannot be read, and <paramref name="skip"/> is not set.</exception>
    /// <exception cref="IOException">The data are missing or damaged; says where.</exception>
    public static (DatasetReport Report, byte[] Samples) Run(
        StoredDataSpec spec,
        string path,
        bool skip,
        Action<CheckProgress> progress,
        CancellationToken ct,
        string? cache = null
    )
    {
        using var source = ImageSources.OpenAt(spec, path);
        return Run(spec, source, skip, progress, ct, cache, withSamples: true);
    }

    internal static (DatasetReport Report, byte[] Samples) Run(
        StoredDataSpec spec,
        ImageSource source,
        bool skip,
        Action<CheckProgress> progress,
        CancellationToken ct,
        string? cache,
        bool withSamples
    )
    {
        var path = source.Path;
        var manifest = cache is null ? "" : DataReceipts.ManifestOf(spec, path);
        var files = Files(spec, path);
        var (hash, bytes) = Hash(path, files, progress, ct);

        var counts = new int[source.Classes];
        var corrupt = new List<CorruptRecord>();
        var (corruptCount, unlabelled) = (0, 0);
        var grid = new SampleGrid(source);
        var changed = new ChangedPixels();
        var pixels = new byte[source.ImageBytes];
        using var images = new ImageHash(source.ImageBytes);
        for (var i = 0; i < source.Count; i++)
        {
            ct.ThrowIfCancellationRequested();
            try
            {
                var label = source.Read(i, pixels, out var changes);
                changed.Add(changes, source, i);
                if (label >= 0)
                {
                    counts[label]++;
                }
                else
                {
                    unlabelled++;
                }
                if (withSamples)
                {
                    grid.Offer(i, label, pixels);
                }
                images.Add(label, pixels);
            }
            catch (CorruptRecordException e) when (skip)
            {
                images.AddCorrupt();
                if (corruptCount++ < MostNamed)
                {
                    corrupt.Add(new CorruptRecord(e.Index, e.Record, e.Problem));
                }
            }

            if (i % 256 == 0 || i == source.Count - 1)
            {
                progress(new CheckProgress("records", i + 1, source.Count));
            }
        }

        if (corruptCount == source.Count)
        {
            throw new InvalidDataException($"{path}: none of the {source.Count} records can be read; the first: {corrupt[0].Problem}.");
        }
        var (png, columns, labels) = withSamples ? grid.Draw() : ([], 0, []);
        var report = new DatasetReport(
            KindOf(spec),
            path,
            hash,
            bytes,
            source.Count - corruptCount,
            source.Side,
            source.Channels,
            source.Classes,
            source.ClassNames,
            counts,
            corruptCount,
            corrupt,
            columns,
            labels
        )
        {
            ImagesSha256 = images.Finish(),
            Notes =
            [
                .. source.Notes,
                .. changed.Notes(source),
                .. ClassNaming.Notes(source.ClassNames),
                .. ClassCoverage.Notes(counts, source.ClassNames),
                .. Few(source.Count - corruptCount),
            ],
        };
        // what changed while it was read is not vouched for
        if (cache is not null && DataReceipts.ManifestOf(spec, path) == manifest)
        {
            DataReceipts.Remember(spec, source, cache, manifest, report.Receipt);
        }
        return (report, png);
    }

    private static IEnumerable<DatasetNote> Few(int records)
    {
        if (records < FewRecords)
        {
            yield return new DatasetNote(
                "images in all: a larger batch shows some of them twice, and so few are soon learned by heart",
                records,
                ""
            );
        }
    }

    /// <summary>The name of a kind in JSON.</summary>
    public static string KindOf(StoredDataSpec spec) => StoredKinds.Single(k => k.Type == spec.GetType()).Kind;

    /// <summary>An empty spec of a kind of stored data, or null where there is no such kind.</summary>
    public static StoredDataSpec? SpecOf(string kind) =>
        StoredKinds.FirstOrDefault(k => k.Kind == kind).Type is { } type ? (StoredDataSpec)Activator.CreateInstance(type)! : null;

    /// <summary>Names of the kinds of stored data.</summary>
    public static IReadOnlyList<string> Kinds => [.. StoredKinds.Select(k => k.Kind)];

    private static IEnumerable<(string Kind, Type Type)> StoredKinds =>
        typeof(DataSpec)
            .GetCustomAttributes<JsonDerivedTypeAttribute>(inherit: false)
            .Where(a => typeof(StoredDataSpec).IsAssignableFrom(a.DerivedType))
            .Select(a => ((string)a.TypeDiscriminator!, a.DerivedType));

    // LMDB's lock file changes whenever somebody looks; it is no part of the data.
    internal static List<string> Files(StoredDataSpec spec, string path)
    {
        if (File.Exists(path))
        {
            return [path];
        }
        var options = new EnumerationOptions
        {
            AttributesToSkip = FileAttributes.ReparsePoint,
            RecurseSubdirectories = true,
            IgnoreInaccessible = false,
        };
        // pipes and devices are no part either: find -type f leaves them out as well
        return
        [
            .. Directory
                .EnumerateFiles(path, "*", options)
                .Where(f => (spec is not ImageNet64Spec || Path.GetFileName(f) != "lock.mdb") && PlainFile.Exists(f))
                .OrderBy(f => Path.GetRelativePath(path, f), StringComparer.Ordinal),
        ];
    }

    /// <summary>
    /// A file's SHA-256. A folder's is that of the lines that <c>find -type f | LC_ALL=C sort | xargs sha256sum</c> prints in it.
    /// </summary>
    private static (string Hash, long Bytes) Hash(string path, List<string> files, Action<CheckProgress> progress, CancellationToken ct)
    {
        var total = files.Sum(f => new FileInfo(f).Length);
        using var all = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[Block];
        long done = 0;
        foreach (var file in files)
        {
            using var one = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            using var stream = new FileStream(PlainFile.OpenHandle(file), FileAccess.Read, bufferSize: 0);
            for (int read; (read = stream.Read(buffer)) > 0; )
            {
                ct.ThrowIfCancellationRequested();
                one.AppendData(buffer, 0, read);
                done += read;
                if (read == Block || done == total)
                {
                    progress(new CheckProgress("bytes", done, total));
                }
            }

            var hash = Convert.ToHexStringLower(one.GetHashAndReset());
            if (files.Count == 1 && file == path)
            {
                return (hash, total);
            }
            all.AppendData(Encoding.UTF8.GetBytes($"{hash}  ./{Path.GetRelativePath(path, file)}\n"));
        }

        return (Convert.ToHexStringLower(all.GetHashAndReset()), total);
    }

    // Few classes: a row for each, the first records of it. Many or none: records evenly spread.
    private sealed class SampleGrid(ImageSource source)
    {
        private const int Columns = 10;
        private readonly int _perClass = source.Classes is > 0 and <= MostCells / Columns ? Columns : 0;
        private readonly List<(int Label, byte[] Pixels)> _cells = [];
        private readonly int[] _taken = new int[source.Classes];

        public void Offer(int index, int label, byte[] pixels)
        {
            var wanted =
                _perClass > 0
                    ? label >= 0 && _taken[label] < _perClass
                    : _cells.Count < MostCells && index >= (long)_cells.Count * source.Count / Math.Min(MostCells, source.Count);
            if (!wanted)
            {
                return;
            }
            if (label >= 0)
            {
                _taken[label]++;
            }
            _cells.Add((label, [.. pixels]));
        }

        public (byte[] Png, int Columns, IReadOnlyList<int> Labels) Draw()
        {
            var ordered = _perClass > 0 ? _cells.OrderBy(c => c.Label).ToList() : _cells;
            var area = source.Side * source.Side;
            var images = new byte[ordered.Count * source.ImageBytes];
            for (var i = 0; i < ordered.Count; i++)
            {
                for (var c = 0; c < source.Channels; c++)
                {
                    for (var k = 0; k < area; k++)
                    {
                        images[(((i * area) + k) * source.Channels) + c] = ordered[i].Pixels[(c * area) + k];
                    }
                }
            }
            // cells larger than a thumbnail would make a picture of many megabytes
            var columns = Math.Min(Columns, ordered.Count);
            return (
                ImageGrid.Compose(images, source.Side, source.Side, source.Channels, columns).ToPng(),
                columns,
                [.. ordered.Select(c => c.Label)]
            );
        }
    }
}
