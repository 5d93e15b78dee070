using System.Security.Cryptography;
using SmtWeb.Data.Weights;
using SmtWeb.Torch;

namespace SmtWeb.Measures;

/// <summary>
/// The fixed convolutional network whose 128 features define FID on Fashion-MNIST here (assets/fashion-mnist-fid):
/// three times convolution, ReLU, 2×2 maximum, then a rectified linear layer.
/// </summary>
public sealed class FashionFeatures : IFeatureNetwork
{
    private readonly IReadOnlyDictionary<string, Tensor> _weights;

    private FashionFeatures(IReadOnlyDictionary<string, Tensor> weights, string hash, Device device) =>
        (_weights, Hash, Device) = (weights, hash, device);

    /// <inheritdoc/>
    public string Name => "fashion-mnist-cnn";

    /// <inheritdoc/>
    public string Hash { get; }

    /// <inheritdoc/>
    public string Resize => "none";

    /// <inheritdoc/>
    public int Dimension => 128;

    /// <inheritdoc/>
    public int Classes => 10;

    /// <inheritdoc/>
    public Device Device { get; }

    /// <summary>Loads the network from safetensors.</summary>
    public static FashionFeatures Load(string path, Device device)
    {
        var (_, tensors) = SafetensorsReader.ReadFile(path);
        var weights = tensors.ToDictionary(
            t => t.Key,
            t => TensorFile.ToTensor(t.Value.Entry, t.Value.Bytes, device).DetachFromDisposeScope()
        );
        return new FashionFeatures(weights, Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path))), device);
    }

    /// <summary>The network of the data asset.</summary>
    public static FashionFeatures LoadBundled(Device device) => Load(Path.Combine(FashionFid.Folder, "features.safetensors"), device);

    /// <inheritdoc/>
    public void CheckImages(int channels, int height, int width)
    {
        if (channels != 1 || height != 32 || width != 32)
        {
            throw new ArgumentException(
                $"The Fashion-MNIST feature network takes grey images of 32x32, not {channels} channels of {height}x{width}; choose "
                    + "Inception."
            );
        }
    }

    /// <inheritdoc/>
    public (float[] Features, float[]? Logits) Measure(Tensor images, bool wantLogits)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var features = forward(images.to(Device).to(ScalarType.Float32).Over(127.5).Minus(1));
        return (features.ToArray<float>(), wantLogits ? Classify(features).ToArray<float>() : null);
    }

    /// <summary>Images [N,1,32,32] in [-1,1] → features [N,128].</summary>
    public Tensor forward(Tensor x)
    {
        for (var k = 1; k <= 3; k++)
        {
            x = torch.nn.functional.max_pool2d(
                Fused.conv2d(x, _weights[$"conv{k}.weight"], _weights[$"conv{k}.bias"], [1, 1], [1, 1]).relu(),
                2
            );
        }
        return torch.nn.functional.linear(x.reshape(x.size(0), -1), _weights["fc1.weight"], _weights["fc1.bias"]).relu();
    }

    /// <summary>Class logits [N,10] of the features.</summary>
    public Tensor Classify(Tensor features) => torch.nn.functional.linear(features, _weights["fc2.weight"], _weights["fc2.bias"]);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var w in _weights.Values)
        {
            w.Dispose();
        }
    }
}
