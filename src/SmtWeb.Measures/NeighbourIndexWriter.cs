using System.Globalization;
using System.Runtime.InteropServices;
using SmtWeb.Data.Files;
using SmtWeb.Data.Weights;
using SmtWeb.Measures.Statistics;
using SmtWeb.Torch;

namespace SmtWeb.Measures;

/// <summary>
/// Measures a data set into an index of neighbours: streamed, so that memory is one batch, whatever the number of images;
/// kept in the cache under the hashes of images and network. What was measured when it is interrupted is kept and gone on with.
/// </summary>
public static class NeighbourIndexWriter
{
    /// <summary>Real images whose distance to their nearest other one is measured.</summary>
    public const int RealSample = 1000;

    /// <summary>Longest feature vector.</summary>
    internal const int LargestDimension = 1 << 16;

    /// <summary>Bytes that stay free on the disk.</summary>
    private const long Spare = 256 << 20;

    private const int BlockRows = 1024;
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(1);

    /// <summary>The path of the index of these images under this network; it is measured where it is not there yet.</summary>
    /// <exception cref="IOException">The data cannot be read, the folder not be written, or the disk is full; says which.</exception>
    /// <exception cref="ArgumentException">The network cannot take such images.</exception>
    public static string Write(
        IEvaluationImages images,
        IFeatureNetwork network,
        string cache,
        Action<MeasureProgress>? progress = null,
        CancellationToken ct = default
    )
    {
        if (images.Count < 2)
        {
            throw new ArgumentException($"{images.Name} has {images.Count} image: there are no distances between real images.");
        }
        images.ComputeHash(progress, ct);
        Directory.CreateDirectory(cache);
        var path = Path.Combine(cache, $"{DatasetStatistics.CacheName(images, network)}.neighbours.safetensors");
        var part = path + ".part";
        using var file = Claim(path, part, progress, ct);
        if (file is null)
        {
            return path;
        }
        var sample = DatasetStatistics.Spread(images.Count, RealSample);
        var prefix = Prefix(images, network, sample.Count);
        var row = (long)network.Dimension * sizeof(float);
        var done = Resume(file, prefix, row, images.Count);
        EnsureSpace(cache, (row * (images.Count - done)) + Spare, images, row);
        DatasetStatistics.Stream(images, network, done, features => file.Write(MemoryMarshal.AsBytes(features.AsSpan())), progress, ct);
        file.Flush();
        file.Write(MemoryMarshal.AsBytes(Real(file, prefix.Length, images, network.Dimension, sample, progress, ct).AsSpan()));
        file.Flush(flushToDisk: true);
        File.Move(part, path);
        return path;
    }

    // Null where the index is there. One process measures; others on the same folder wait for it, and go on where it died.
    private static FileStream? Claim(string path, string part, Action<MeasureProgress>? progress, CancellationToken ct)
    {
        while (!File.Exists(path))
        {
            ct.ThrowIfCancellationRequested();
            if (LockFile.TryTake(part) is { } file)
            {
                if (!File.Exists(path))
                {
                    return file;
                }
                // finished by the other one at just this moment
                file.Dispose();
                File.Delete(part);
                return null;
            }

            progress?.Invoke(new("waiting for another SmtWeb that measures the same images", 0, 1));
            ct.WaitHandle.WaitOne(Wait);
        }

        return null;
    }

    private static byte[] Prefix(IEvaluationImages images, IFeatureNetwork network, int sample) =>
        SafetensorsWriter.Prefix(
            [
                new(NeighbourIndex.Features, SafetensorsType.F32, [images.Count, network.Dimension], Later),
                new(NeighbourIndex.Real, SafetensorsType.F32, [sample], Later),
            ],
            new Dictionary<string, string>
            {
                ["dataset"] = images.Name,
                ["dataset_hash"] = images.Hash,
                ["images"] = images.Count.ToString(CultureInfo.InvariantCulture),
                ["network"] = network.Name,
                ["network_hash"] = network.Hash,
                ["resize"] = network.Resize,
            }
        );

    private static void Later(Stream stream) => throw new NotSupportedException("It is written as it is measured.");

    // Rows that an interrupted measuring left behind; the file stands after them.
    private static int Resume(FileStream file, byte[] prefix, long row, int count)
    {
        var begin = new byte[prefix.Length];
        if (file.ReadAtLeast(begin, begin.Length, throwOnEndOfStream: false) < prefix.Length || !begin.AsSpan().SequenceEqual(prefix))
        {
            file.SetLength(0);
            file.Write(prefix);
            return 0;
        }

        var done = (int)Math.Min(count, (file.Length - prefix.Length) / row);
        file.SetLength(prefix.Length + (done * row));
        file.Position = file.Length;
        return done;
    }

    private static void EnsureSpace(string cache, long needed, IEvaluationImages images, long row)
    {
        var free = new DriveInfo(Path.GetFullPath(cache)).AvailableFreeSpace;
        if (free < needed)
        {
            throw new IOException(
                $"The index of {images.Count:N0} images of {images.Name} takes {row * images.Count >> 20:N0} MiB; "
                    + $"{Path.GetFullPath(cache)} has {free >> 20:N0} MiB free, and {Spare >> 20} MiB are to stay free."
            );
        }
    }

    // Distances of some images to the nearest of all others, rising: the features pass by once, in blocks.
    private static float[] Real(
        FileStream file,
        long start,
        IEvaluationImages images,
        int dimension,
        IReadOnlyList<int> sample,
        Action<MeasureProgress>? progress,
        CancellationToken ct
    )
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var chosen = new float[sample.Count * dimension];
        for (var k = 0; k < sample.Count; k++)
        {
            NeighbourIndex.ReadRows(file.SafeFileHandle, start, sample[k], chosen.AsSpan(k * dimension, dimension), dimension);
        }
        var some = Tensors.Of(chosen, [sample.Count, dimension]).to(ScalarType.Float64);
        var nearest = new double[sample.Count];
        Array.Fill(nearest, double.PositiveInfinity);
        var block = new float[BlockRows * dimension];
        for (var first = 0; first < images.Count; first += BlockRows)
        {
            ct.ThrowIfCancellationRequested();
            var rows = Math.Min(BlockRows, images.Count - first);
            var values = block.AsSpan(0, rows * dimension);
            NeighbourIndex.ReadRows(file.SafeFileHandle, start, first, values, dimension);
            using var inner = torch.NewDisposeScope();
            var distances = PrecisionRecall
                .Distances(some, Tensors.Of((ReadOnlySpan<float>)values, [rows, dimension]).to(ScalarType.Float64))
                .ToArray<double>();
            for (var k = 0; k < sample.Count; k++)
            {
                for (var j = 0; j < rows; j++)
                {
                    if (first + j != sample[k] && distances[(k * rows) + j] < nearest[k])
                    {
                        nearest[k] = distances[(k * rows) + j];
                    }
                }
            }
            progress?.Invoke(new($"distances between images of {images.Name}", first + rows, images.Count));
        }

        Array.Sort(nearest);
        return Array.ConvertAll(nearest, d => (float)d);
    }
}
