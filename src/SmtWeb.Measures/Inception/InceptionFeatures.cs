using SmtWeb.Torch;

namespace SmtWeb.Measures.Inception;

/// <summary>The FID Inception network with one of the two resize conventions.</summary>
public sealed class InceptionFeatures(InceptionNetwork network, string hash, InceptionResize resize, Device device) : IFeatureNetwork
{
    // The first layers take 22 MB an image. Together they save nothing on a CPU.
    private const int RowsOnCpu = 16;

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
        if (channels is not (1 or 3))
        {
            throw new ArgumentException($"Inception takes grey or colour images, not {channels} channels.");
        }
    }

    /// <inheritdoc/>
    public (float[] Features, float[]? Logits) Measure(Tensor images, bool wantLogits)
    {
        using var _ = torch.no_grad();
        var rows = (int)images.size(0);
        var step = device.type == DeviceType.CPU ? RowsOnCpu : rows;
        var features = new float[rows * Dimension];
        var logits = wantLogits ? new float[rows * Classes] : null;
        for (var from = 0; from < rows; from += step)
        {
            using var scope = torch.NewDisposeScope();
            var part = network.Features(InceptionInput.Prepare(images.narrow(0, from, Math.Min(step, rows - from)).to(device), resize));
            part.ToArray<float>().CopyTo(features, from * Dimension);
            if (logits is not null)
            {
                network.Logits(part, bias: false).ToArray<float>().CopyTo(logits, from * Classes);
            }
        }

        return (features, logits);
    }

    /// <inheritdoc/>
    public void Dispose() => network.Dispose();
}
