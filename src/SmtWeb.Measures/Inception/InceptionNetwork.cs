using SmtWeb.Torch;

namespace SmtWeb.Measures.Inception;

/// <summary>
/// The Inception-v3 that FID is defined by (TensorFlow's of 2015-12-05): 1008 classes, average pools that leave the
/// padding out, and a maximum pool in the last block's pool branch. The normalisations (ε = 0.001) are multiplied into the
/// convolutions when it is loaded, because it is only ever evaluated.
/// </summary>
public sealed class InceptionNetwork : IDisposable
{
    private const double Epsilon = 1e-3;

    private readonly Dictionary<string, (InceptionConvolution Layer, Tensor Weight, Tensor Bias)> _layers = [];
    private readonly Tensor _headWeight,
        _headBias;

    /// <summary>
    /// The network with the weights of a state dict under the names of torch-fidelity and pytorch-fid
    /// (<c>Mixed_5b.branch1x1.conv.weight</c>, <c>….bn.running_mean</c>, <c>fc.weight</c>).
    /// </summary>
    /// <exception cref="InvalidDataException">Names the first tensors that are missing, superfluous or misshapen.</exception>
    public InceptionNetwork(IReadOnlyDictionary<string, Tensor> weights, Device device)
    {
        InceptionWeights.Check(weights);
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        foreach (var layer in InceptionLayout.Convolutions)
        {
            // γ (w*x - μ)/√(v + ε) + β = (w γ/√(v + ε)) * x + (β - μ γ/√(v + ε))
            Tensor Values(string name) => weights[$"{layer.Name}.{name}"].to(ScalarType.Float64);
            var scale = Values("bn.weight") * Values("bn.running_var").Plus(Epsilon).rsqrt();
            var weight = Values("conv.weight") * scale.reshape(-1, 1, 1, 1);
            var bias = Values("bn.bias") - (Values("bn.running_mean") * scale);
            _layers.Add(
                layer.Name,
                (layer, Keep(Dispatcher.channels_last(weight.to(ScalarType.Float32))), Keep(bias.to(ScalarType.Float32)))
            );
        }
        (_headWeight, _headBias) = (Keep(weights["fc.weight"].to(ScalarType.Float32)), Keep(weights["fc.bias"].to(ScalarType.Float32)));

        Tensor Keep(Tensor t) => t.to(device).clone().DetachFromDisposeScope();
    }

    /// <summary>
    /// Features [N,2048] of normalised images [N,3,299,299]; <paramref name="observe"/> sees the output of every stage.
    /// </summary>
    public Tensor Features(Tensor x, Action<string, Tensor>? observe = null)
    {
        if (x.dim() != 4 || x.size(1) != 3 || x.size(2) != InceptionLayout.Side || x.size(3) != InceptionLayout.Side)
        {
            throw new ArgumentException($"Inception takes [N,3,{InceptionLayout.Side},{InceptionLayout.Side}], not {x}.", nameof(x));
        }
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        x = Dispatcher.channels_last(x);
        foreach (var (name, apply) in Stages())
        {
            using var inner = torch.NewDisposeScope();
            var y = inner.MoveToOuter(apply(x));
            observe?.Invoke(name, y);
            x.Dispose();
            x = y;
        }
        return scope.MoveToOuter(x.reshape(-1, InceptionLayout.Features).clone());
    }

    /// <summary>Class logits [N,1008] of features; the Inception score of NVIDIA and torch-fidelity leaves the bias out.</summary>
    public Tensor Logits(Tensor features, bool bias) => torch.nn.functional.linear(features, _headWeight, bias ? _headBias : null);

    private IEnumerable<(string Name, Func<Tensor, Tensor> Apply)> Stages()
    {
        foreach (var name in new[] { "Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3" })
        {
            yield return (name, x => Convolve(name, x));
        }
        yield return ("MaxPool_1", x => torch.nn.functional.max_pool2d(x, 3, 2));
        foreach (var name in new[] { "Conv2d_3b_1x1", "Conv2d_4a_3x3" })
        {
            yield return (name, x => Convolve(name, x));
        }
        yield return ("MaxPool_2", x => torch.nn.functional.max_pool2d(x, 3, 2));
        foreach (var name in new[] { "Mixed_5b", "Mixed_5c", "Mixed_5d" })
        {
            yield return (name, x => BlockA(name, x));
        }
        yield return ("Mixed_6a", BlockB);
        foreach (var name in new[] { "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e" })
        {
            yield return (name, x => BlockC(name, x));
        }
        yield return ("Mixed_7a", BlockD);
        yield return ("Mixed_7b", x => BlockE("Mixed_7b", x, AveragePool));
        yield return ("Mixed_7c", x => BlockE("Mixed_7c", x, MaximumPool));
        yield return ("AvgPool", x => x.mean([2, 3], keepdim: true));
    }

    private Tensor Convolve(string name, Tensor x)
    {
        var (layer, weight, bias) = _layers[name];
        return Fused.conv2d(x, weight, bias, [layer.Stride, layer.Stride], [layer.PadHeight, layer.PadWidth]).relu_();
    }

    // one branch: convolutions one after another
    private Tensor Chain(Tensor x, string block, params ReadOnlySpan<string> names)
    {
        using var scope = torch.NewDisposeScope();
        foreach (var name in names)
        {
            x = Convolve($"{block}.{name}", x);
        }
        return scope.MoveToOuter(x);
    }

    private Tensor BlockA(string name, Tensor x) =>
        torch.cat(
            [
                Chain(x, name, "branch1x1"),
                Chain(x, name, "branch5x5_1", "branch5x5_2"),
                Chain(x, name, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
                Chain(AveragePool(x), name, "branch_pool"),
            ],
            1
        );

    private Tensor BlockB(Tensor x) =>
        torch.cat(
            [
                Chain(x, "Mixed_6a", "branch3x3"),
                Chain(x, "Mixed_6a", "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
                torch.nn.functional.max_pool2d(x, 3, 2),
            ],
            1
        );

    private Tensor BlockC(string name, Tensor x) =>
        torch.cat(
            [
                Chain(x, name, "branch1x1"),
                Chain(x, name, "branch7x7_1", "branch7x7_2", "branch7x7_3"),
                Chain(x, name, "branch7x7dbl_1", "branch7x7dbl_2", "branch7x7dbl_3", "branch7x7dbl_4", "branch7x7dbl_5"),
                Chain(AveragePool(x), name, "branch_pool"),
            ],
            1
        );

    private Tensor BlockD(Tensor x) =>
        torch.cat(
            [
                Chain(x, "Mixed_7a", "branch3x3_1", "branch3x3_2"),
                Chain(x, "Mixed_7a", "branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3", "branch7x7x3_4"),
                torch.nn.functional.max_pool2d(x, 3, 2),
            ],
            1
        );

    private Tensor BlockE(string name, Tensor x, Func<Tensor, Tensor> pool)
    {
        var b = Chain(x, name, "branch3x3_1");
        var c = Chain(x, name, "branch3x3dbl_1", "branch3x3dbl_2");
        return torch.cat(
            [
                Chain(x, name, "branch1x1"),
                Chain(b, name, "branch3x3_2a"),
                Chain(b, name, "branch3x3_2b"),
                Chain(c, name, "branch3x3dbl_3a"),
                Chain(c, name, "branch3x3dbl_3b"),
                Chain(pool(x), name, "branch_pool"),
            ],
            1
        );
    }

    private static Tensor AveragePool(Tensor x) => torch.nn.functional.avg_pool2d(x, 3, stride: 1, padding: 1, count_include_pad: false);

    private static Tensor MaximumPool(Tensor x) => torch.nn.functional.max_pool2d(x, 3, 1, 1);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, weight, bias) in _layers.Values)
        {
            weight.Dispose();
            bias.Dispose();
        }
        _headWeight.Dispose();
        _headBias.Dispose();
    }
}
