using SmtWeb.Data.Formats;

namespace SmtWeb.Measures.Statistics;

/// <summary>The images of a data set as metrics read them: bytes, in order, a batch at a time.</summary>
public interface IEvaluationImages : IDisposable
{
    /// <summary>Name for people and records.</summary>
    string Name { get; }

    /// <summary>
    /// SHA-256 of the content, lower-case hex. Computed at first use, where <see cref="ComputeHash"/> did not do it before.
    /// </summary>
    string Hash { get; }

    /// <summary>Computes <see cref="Hash"/>, which may take reading all images, with progress.</summary>
    void ComputeHash(Action<MeasureProgress>? progress, CancellationToken ct) { }

    /// <summary>What the data are, to compare with those of a run. Computed as <see cref="Hash"/> is.</summary>
    DataReceipt Receipt => new(Hash, Hash, Count, 0, 0);

    /// <summary>Number of images.</summary>
    int Count { get; }

    /// <summary>Channels of each.</summary>
    int Channels { get; }

    /// <summary>Sides of each.</summary>
    int Side { get; }

    /// <summary>Number of classes; 0 where there are no labels.</summary>
    int Classes { get; }

    /// <summary>Names of the classes, or empty.</summary>
    IReadOnlyList<string> ClassNames { get; }

    /// <summary>Images of each class, where that is known without reading them; else null.</summary>
    IReadOnlyList<int>? ClassCounts => null;

    /// <summary>Reads image <paramref name="index"/> into <paramref name="pixels"/> [C,H,W]; returns its label, -1 for none.</summary>
    int Read(int index, Span<byte> pixels);
}

/// <summary>The 60,000 training images of Fashion-MNIST, padded to 32×32.</summary>
public sealed class FashionMnistImages : IEvaluationImages
{
    private readonly FashionMnist _data = FashionMnist.Load();
    private readonly Lazy<DataReceipt> _receipt;

    /// <summary>Reads them.</summary>
    /// <exception cref="FileNotFoundException">They are not installed; says how to install them.</exception>
    public FashionMnistImages() => _receipt = new(_data.Receipt);

    /// <inheritdoc/>
    public string Name => "fashion-mnist";

    /// <inheritdoc/>
    public string Hash => Receipt.ImagesSha256;

    /// <inheritdoc/>
    public DataReceipt Receipt => _receipt.Value;

    /// <inheritdoc/>
    public int Count => _data.Count;

    /// <inheritdoc/>
    public int Channels => 1;

    /// <inheritdoc/>
    public int Side => FashionMnist.Side;

    /// <inheritdoc/>
    public int Classes => FashionMnist.ClassNames.Count;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => FashionMnist.ClassNames;

    /// <inheritdoc/>
    public int Read(int index, Span<byte> pixels)
    {
        _data.Images.AsSpan(index * Side * Side, Side * Side).CopyTo(pixels);
        return _data.Labels[index];
    }

    /// <inheritdoc/>
    public void Dispose() { }
}
