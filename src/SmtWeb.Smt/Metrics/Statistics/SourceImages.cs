using System.Buffers.Binary;
using System.Security.Cryptography;
using SmtWeb.Smt.Datasets;

namespace SmtWeb.Smt.Metrics.Statistics;

/// <summary>The images of a folder, archive or database.</summary>
public sealed class SourceImages : IEvaluationImages
{
    private readonly ImageSource source;
    private readonly bool skipCorrupt;
    private readonly HashMemo? memo;
    private string? hash;

    /// <summary>
    /// Takes over <paramref name="source"/> and disposes it. With <paramref name="skipCorrupt"/> the next record stands for one
    /// that cannot be read, as in training. With <paramref name="memo"/> the hash is read where unchanged files were hashed before.
    /// </summary>
    public SourceImages(ImageSource source, string? name = null, bool skipCorrupt = false, HashMemo? memo = null)
    {
        (this.source, this.skipCorrupt, this.memo) = (source, skipCorrupt, memo);
        Name = name ?? Path.GetFileNameWithoutExtension(source.Path.TrimEnd('/'));
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Hash
    {
        get
        {
            ComputeHash(null, CancellationToken.None);
            return hash!;
        }
    }

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
    public IReadOnlyList<int>? ClassCounts => source.ClassCounts;

    /// <inheritdoc/>
    public int Read(int index, Span<byte> pixels) => BatchPrefetcher.Read(source, index, pixels, skipCorrupt ? [] : null);

    /// <inheritdoc/>
    public void Dispose() => source.Dispose();

    /// <inheritdoc/>
    public void ComputeHash(Action<MeasureProgress>? progress, CancellationToken ct)
    {
        if (hash is not null) return;
        hash = memo?.Read();
        if (hash is not null) return;
        hash = HashRecords(progress, ct);
        memo?.Write(hash);
    }

    // of the decoded pixels and labels, so that the same images in another archive are the same data set
    private string HashRecords(Action<MeasureProgress>? progress, CancellationToken ct)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var record = new byte[sizeof(int) + source.ImageBytes];
        for (var k = 0; k < source.Count; k++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(record, Read(k, record.AsSpan(sizeof(int))));
            sha.AppendData(record);
            if (k % 256 != 255 && k != source.Count - 1) continue;
            ct.ThrowIfCancellationRequested();
            progress?.Invoke(new($"hash of {Name}", k + 1, source.Count));
        }

        return Convert.ToHexStringLower(sha.GetHashAndReset());
    }
}
