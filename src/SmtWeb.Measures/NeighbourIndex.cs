using System.Numerics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using SmtWeb.Data.Files;
using SmtWeb.Data.Weights;

namespace SmtWeb.Measures;

/// <summary>A training image near a given one: its place in the data set, its distance.</summary>
public sealed record Neighbour(int Index, double Distance);

/// <summary>
/// The training images nearest to an image, by Euclidean distance of features, and the distances from real images to
/// their nearest other real image, which say what "near" means. The features lie in a file (safetensors: features [N,d],
/// real [M]), written by <see cref="NeighbourIndexWriter"/>, and are read through for every search: memory is a block of it.
/// </summary>
public sealed class NeighbourIndex : IDisposable
{
    /// <summary>Names of the tensors.</summary>
    internal const string Features = "features",
        Real = "real";

    private const int BlockBytes = 4 << 20;

    private readonly SafeFileHandle _file;
    private readonly long _start;

    private NeighbourIndex(
        SafeFileHandle file,
        long start,
        int count,
        int dimension,
        float[] real,
        IReadOnlyDictionary<string, string> metadata
    ) =>
        (_file, _start, Count, Dimension, RealDistances, NetworkHash, Resize) = (
            file,
            start,
            count,
            dimension,
            real,
            metadata.GetValueOrDefault("network_hash", ""),
            metadata.GetValueOrDefault("resize", "")
        );

    /// <summary>Images.</summary>
    public int Count { get; }

    /// <summary>Numbers of a feature vector.</summary>
    public int Dimension { get; }

    /// <summary>SHA-256 of the network's file that measured the images.</summary>
    public string NetworkHash { get; }

    /// <summary>How images became its input.</summary>
    public string Resize { get; }

    /// <summary>Distances from real images to their nearest other one, rising.</summary>
    public IReadOnlyList<float> RealDistances { get; }

    /// <summary>Opens an index.</summary>
    /// <exception cref="InvalidDataException">It is damaged or something else.</exception>
    public static NeighbourIndex Open(string path)
    {
        using var stream = PlainFile.OpenRead(path);
        var reader = SafetensorsReader.Open(stream);
        if (
            reader.Entries
                is not [
                    { Name: Features, Type: SafetensorsType.F32, Shape: [var count, var dimension] } features,
                    { Name: Real, Type: SafetensorsType.F32, Shape: [> 0] } real,
                ]
            || count is < 1 or > int.MaxValue
            || dimension is < 1 or > NeighbourIndexWriter.LargestDimension
        )
        {
            throw new InvalidDataException($"{path}: is no index of neighbours.");
        }
        var start = stream.Position;
        stream.Position = start + real.Offset;
        var distances = new float[real.ByteCount / sizeof(float)];
        stream.ReadExactly(MemoryMarshal.AsBytes(distances.AsSpan()));
        return new NeighbourIndex(
            PlainFile.OpenHandle(path),
            start + features.Offset,
            (int)count,
            (int)dimension,
            distances,
            reader.Metadata
        );
    }

    /// <summary>
    /// The <paramref name="count"/> nearest training images of a feature vector, nearest first. The whole file is read for it: gigabytes
    /// for a large set.
    /// </summary>
    public IReadOnlyList<Neighbour> Nearest(ReadOnlySpan<float> feature, int count, CancellationToken ct = default)
    {
        if (feature.Length != Dimension)
        {
            throw new ArgumentException($"A feature vector has {Dimension} numbers, not {feature.Length}.", nameof(feature));
        }
        var nearest = new PriorityQueue<int, float>(); // the farthest of those kept comes out first
        var rows = Math.Max(1, BlockBytes / (Dimension * sizeof(float)));
        var block = new float[rows * Dimension];
        for (var first = 0; first < Count; first += rows)
        {
            ct.ThrowIfCancellationRequested();
            var here = Math.Min(rows, Count - first);
            ReadRows(_file, _start, first, block.AsSpan(0, here * Dimension), Dimension);
            for (var k = 0; k < here; k++)
            {
                var distance = SquaredDistance(feature, block.AsSpan(k * Dimension, Dimension));
                if (nearest.Count < count)
                {
                    nearest.Enqueue(first + k, -distance);
                }
                else
                {
                    nearest.EnqueueDequeue(first + k, -distance);
                }
            }
        }

        return
        [
            .. nearest
                .UnorderedItems.OrderByDescending(n => n.Priority)
                .ThenBy(n => n.Element)
                .Select(n => new Neighbour(n.Element, Math.Sqrt(-n.Priority))),
        ];
    }

    /// <summary>The distance below which a share of the real images has its nearest other one.</summary>
    public double RealQuantile(double share) => RealDistances[(int)Math.Clamp(share * RealDistances.Count, 0, RealDistances.Count - 1)];

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>Fills <paramref name="rows"/> with the vectors from row <paramref name="first"/> on.</summary>
    /// <exception cref="EndOfStreamException">The file is shorter than that.</exception>
    internal static void ReadRows(SafeFileHandle file, long start, long first, Span<float> rows, int dimension)
    {
        var bytes = MemoryMarshal.AsBytes(rows);
        var offset = start + (first * dimension * sizeof(float));
        while (bytes.Length > 0)
        {
            var got = RandomAccess.Read(file, bytes, offset);
            if (got == 0)
            {
                throw new EndOfStreamException("The index of neighbours became shorter while it was read.");
            }
            bytes = bytes[got..];
            offset += got;
        }
    }

    private static float SquaredDistance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var sum = Vector<float>.Zero;
        var k = 0;
        for (; k <= a.Length - Vector<float>.Count; k += Vector<float>.Count)
        {
            var difference = new Vector<float>(a[k..]) - new Vector<float>(b[k..]);
            sum += difference * difference;
        }

        var total = Vector.Sum(sum);
        for (; k < a.Length; k++)
        {
            total += (a[k] - b[k]) * (a[k] - b[k]);
        }
        return total;
    }
}
