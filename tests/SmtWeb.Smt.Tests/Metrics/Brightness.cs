using SmtWeb.Measures;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Metrics;

/// <summary>Mean and spread of an image's pixels: the smallest of feature networks.</summary>
internal sealed class Brightness : IFeatureNetwork
{
    public string Name => "brightness";

    public string Hash => new('0', 64);

    public string Resize => "none";

    public int Dimension { get; init; } = 2;

    public int Classes => 2;

    public Device Device => torch.CPU;

    public void CheckImages(int channels, int height, int width) { }

    public (float[] Features, float[]? Logits) Measure(Tensor images, bool wantLogits)
    {
        using var scope = torch.NewDisposeScope();
        var x = images.to(ScalarType.Float32).reshape(images.size(0), -1) / 255;
        var mean = x.mean([1]);
        var features = torch.stack([mean, (x * x).mean([1]) - (mean * mean)], 1).ToArray<float>();
        return (features, wantLogits ? features : null);
    }

    public void Dispose() { }
}
