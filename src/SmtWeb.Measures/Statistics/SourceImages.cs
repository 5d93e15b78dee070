using System.Buffers.Binary;
using System.Security.Cryptography;
using SmtWeb.Data.Batches;
using SmtWeb.Data.Formats;

namespace SmtWeb.Measures.Statistics;

/// <summary>The images of a folder, archive or database.</summary>
public sealed class SourceImages : IEvaluationImages
{
    private readonly ImageSource _source;
    private readonly bool _skipCorrupt;
    private readonly HashMemo? _memo;
    private string? _hash;

    /// <summary>
    /// Takes over <paramref name="source"/> and disposes it. With <paramref name="skipCorrupt"/> the next record stands for one
    /// that cannot be read, as in training. With <paramref name="memo"/> the hash is read where unchanged files were hashed before.
    /// </summary>
    public SourceImages(ImageSource source, string? name = null, bool skipCorrupt = false, HashMemo? memo = null)
    {
        (_source, _skipCorrupt, _memo) = (source, skipCorrupt, memo);
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
            return _hash!;
        }
    }

    /// <inheritdoc/>
    public int Count => _source.Count;

    /// <inheritdoc/>
    public int Channels => _source.Channels;

    /// <inheritdoc/>
    public int Side => _source.Side;

    /// <inheritdoc/>
    public int Classes => _source.Classes;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => _source.ClassNames;

    /// <inheritdoc/>
    public IReadOnlyList<int>? ClassCounts => _source.ClassCounts;

    /// <inheritdoc/>
    public int Read(int index, Span<byte> pixels) => BatchPrefetcher.Read(_source, index, pixels, _skipCorrupt ? [] : null);

    /// <inheritdoc/>
    public void Dispose() => _source.Dispose();

    /// <inheritdoc/>
    public void ComputeHash(Action<MeasureProgress>? progress, CancellationToken ct)
    {
        if (_hash is not null)
        {
            return;
        }
        _hash = _memo?.Read();
        if (_hash is not null)
        {
            return;
        }
        _hash = HashRecords(progress, ct);
        _memo?.Write(_hash);
    }

    // of the decoded pixels and labels, so that the same images in another archive are the same data set
    private string HashRecords(Action<MeasureProgress>? progress, CancellationToken ct)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var record = new byte[sizeof(int) + _source.ImageBytes];
        for (var k = 0; k < _source.Count; k++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(record, Read(k, record.AsSpan(sizeof(int))));
            sha.AppendData(record);
            if (k % 256 != 255 && k != _source.Count - 1)
            {
                continue;
            }
            ct.ThrowIfCancellationRequested();
            progress?.Invoke(new($"hash of {Name}", k + 1, _source.Count));
        }

        return Convert.ToHexStringLower(sha.GetHashAndReset());
    }
}
