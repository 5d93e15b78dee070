using SmtWeb.Smt.Weights;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Metrics;

/// <summary>
/// The fixed convolutional network whose 128 features define FID on Fashion-MNIST here (assets/fashion-mnist-fid):
/// three times convolution, ReLU, 2×2 maximum, then a rectified linear layer.
/// </summary>
public sealed class FashionFeatures : IDisposable
{
    private readonly IReadOnlyDictionary<string, Tensor> weights;

    private FashionFeatures(IReadOnlyDictionary<string, Tensor> weights) => this.weights = weights;

    /// <summary>Loads the network from safetensors.</summary>
    public static FashionFeatures Load(string path, Device device)
    {
        var (_, tensors) = SafetensorsReader.ReadFile(path);
        return new FashionFeatures(tensors.ToDictionary(t => t.Key, t => TensorFile.ToTensor(t.Value.Entry, t.Value.Bytes, device).DetachFromScope()));
    }

    /// <summary>Images [N,1,32,32] in [-1,1] → features [N,128].</summary>
    public Tensor Forward(Tensor x)
    {
        for (var k = 1; k <= 3; k++)
            x = torch.functional.max_pool2d(torch.functional.conv2d(x, weights[$"conv{k}.weight"], weights[$"conv{k}.bias"], padding: 1).relu(), 2);
        return torch.functional.linear(x.reshape(x.Size(0), -1), weights["fc1.weight"], weights["fc1.bias"]).relu();
    }

    /// <summary>Class logits [N,10] of the features.</summary>
    public Tensor Classify(Tensor features) => torch.functional.linear(features, weights["fc2.weight"], weights["fc2.bias"]);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var w in weights.Values) w.Dispose();
    }
}
