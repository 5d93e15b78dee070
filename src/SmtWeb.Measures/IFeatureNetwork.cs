namespace SmtWeb.Measures;

/// <summary>A fixed network whose features define distances between sets of images.</summary>
public interface IFeatureNetwork : IDisposable
{
    /// <summary>Name in records: <c>fashion-mnist-cnn</c>, <c>inception-2015-12-05</c>.</summary>
    string Name { get; }

    /// <summary>SHA-256 of its file, lower-case hex.</summary>
    string Hash { get; }

    /// <summary>How images become its input: <c>none</c>, <c>tf1</c>, <c>pytorch-fid</c>.</summary>
    string Resize { get; }

    /// <summary>Length of a feature vector.</summary>
    int Dimension { get; }

    /// <summary>Classes that it tells apart, for the Inception score.</summary>
    int Classes { get; }

    /// <summary>Where it runs.</summary>
    Device Device { get; }

    /// <summary>Throws where it cannot take images of this size.</summary>
    /// <exception cref="ArgumentException">Says what it takes.</exception>
    void CheckImages(int channels, int height, int width);

    /// <summary>Features [N, Dimension] and, where <paramref name="wantLogits"/>, class logits [N, Classes] of bytes [N,C,H,W].</summary>
    (float[] Features, float[]? Logits) Measure(Tensor images, bool wantLogits);
}
