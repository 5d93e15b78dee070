using SmtWeb.Torch;

namespace SmtWeb.Smt.Metrics.Inception;

/// <summary>The FID Inception network with one of the two resize conventions.</summary>
public sealed class InceptionFeatures(InceptionNetwork network, string hash, InceptionResize resize, Device device) : IFeatureNetwork
{
    /// <inheritdoc/>
    public string Name => "inception-2015-12-05";

    /// <inheritdoc/>
    public string Hash => hash;

    /// <inheritdoc/>
    public string Resize => InceptionInput.NameOf(resize);

    /// <inheritdoc/>
    public int Dimension => InceptionLayout.Features;

    /// <inheritdoc/>
    public int Classes => InceptionLayout.Classes;

    /// <inheritdoc/>
    public Device Device => device;

    /// <inheritdoc/>
    public void CheckImages(int channels, int height, int width)
    {
        if (channels is not (1 or 3)) throw new ArgumentException($"Inception takes grey or colour images, not {channels} channels.");
    }

    /// <inheritdoc/>
    public (float[] Features, float[]? Logits) Measure(Tensor images, bool wantLogits)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var features = network.Features(InceptionInput.Prepare(images.to(device), resize));
        return (features.ToArray<float>(), wantLogits ? network.Logits(features, bias: false).ToArray<float>() : null);
    }

    /// <inheritdoc/>
    public void Dispose() => network.Dispose();
}
