using SmtWeb.Data.Batches;
using SmtWeb.Data.Formats;

namespace SmtWeb.Measures.Statistics;

/// <summary>The images of a folder, archive or database.</summary>
public sealed class SourceImages : IEvaluationImages
{
    private readonly ImageSource _source;
    private readonly StoredDataSpec _spec;
    private readonly string? _cache;
    private DataReceipt? _receipt;

    /// <summary>
    /// Takes over <paramref name="source"/>, which <paramref name="spec"/> describes, and disposes it. Where corrupt records are skipped
    /// the
    /// next stands for one, as in training. What was found before is remembered in the folder <paramref name="cache"/>; null remembers
    /// nothing.
    /// </summary>
    public SourceImages(ImageSource source, StoredDataSpec spec, string? cache = null, string? name = null)
    {
        (_source, _spec, _cache) = (source, spec, cache);
        Name = name ?? Path.GetFileNameWithoutExtension(source.Path.TrimEnd('/'));
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Hash => Receipt.ImagesSha256;

    /// <inheritdoc/>
    public DataReceipt Receipt
    {
        get
        {
            ComputeHash(null, CancellationToken.None);
            return _receipt!;
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
    public int Read(int index, Span<byte> pixels) => BatchPrefetcher.Read(_source, index, pixels, _spec.SkipCorrupt ? [] : null);

    /// <inheritdoc/>
    public void Dispose() => _source.Dispose();

    /// <inheritdoc/>
    public void ComputeHash(Action<MeasureProgress>? progress, CancellationToken ct)
    {
        _receipt ??= DataReceipts.Obtain(
            _spec,
            _source,
            _cache,
            p => progress?.Invoke(new($"{p.Phase} of {Name}, read once", p.Done, p.Total)),
            ct
        );
    }
}
