using System.Buffers.Binary;
using System.Security.Cryptography;
using SmtWeb.Smt.Datasets;

namespace SmtWeb.Smt.Metrics.Statistics;

/// <summary>The images of a folder, archive or database.</summary>
public sealed class SourceImages : IEvaluationImages
{
    private readonly ImageSource source;
    private readonly bool skipCorrupt;
    private readonly Lazy<string> hash;

    /// <summary>
    /// Takes over <paramref name="source"/> and disposes it. With <paramref name="skipCorrupt"/> the next record stands for one
    /// that cannot be read, as in training.
    /// </summary>
    public SourceImages(ImageSource source, string? name = null, bool skipCorrupt = false)
    {
        (this.source, this.skipCorrupt) = (source, skipCorrupt);
        Name = name ?? Path.GetFileNameWithoutExtension(source.Path.TrimEnd('/'));
        hash = new(ComputeHash);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Hash => hash.Value;

    /// <inheritdoc/>
    public int Count => source.Count;

    /// <inheritdoc/>
    public int Channels => source.Channels;

    /// <inheritdoc/>
    public int Side => source.Side;

    /// <inheritdoc/>
    public int Classes => source.Classes;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => source.ClassNames;

    /// <inheritdoc/>
    public int Read(int index, Span<byte> pixels) => BatchPrefetcher.Read(source, index, pixels, skipCorrupt ? [] : null);

    /// <inheritdoc/>
    public void Dispose() => source.Dispose();

    // of the decoded pixels and labels, so that the same images in another archive are the same data set
    private string ComputeHash()
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var record = new byte[sizeof(int) + source.ImageBytes];
        for (var k = 0; k < source.Count; k++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(record, Read(k, record.AsSpan(sizeof(int))));
            sha.AppendData(record);
        }
        return Convert.ToHexStringLower(sha.GetHashAndReset());
    }
}
