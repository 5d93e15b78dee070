using static TorchSharp.torch;

namespace SmtWeb.Torch.Tests;

/// <summary><c>mlp</c> against libtorch's linear layers and leaky ReLU, in double precision.</summary>
[Collection("Tensors")]
public sealed class MlpTests : IDisposable
{
    private const double Slope = 0.2;

    private readonly long _before;
    private readonly int _threads;

    public MlpTests()
    {
        TorchRuntime.Initialize();
        (_before, _threads) = (TorchRuntime.LiveTensors, TorchRuntime.Threads);
    }

    public void Dispose()
    {
        TorchRuntime.Threads = _threads;
        Assert.Equal(_before, TorchRuntime.LiveTensors);
    }

    /// <summary>Rows, then the widths of the input and of every layer's output.</summary>
    public static TheoryData<int, int[]> Shapes() =>
        new()
        {
            { 256, [18, 128, 128, 2] },
            { 445, [50, 128, 128, 128, 2] },
            { 512, [128, 128, 1] },
            { 128, [64, 64, 64] },
            { 7, [50, 128, 128] },
            // one of everything, and sizes that leave a remainder of rows, vectors, panels and threads
            { 1, [1, 1] },
            { 1, [3, 5] },
            { 131, [17, 33, 65, 15] },
            { 129, [63, 7, 100, 3] },
            { 200, [4, 80, 16, 48] },
            { 67, [2, 31] },
            { 190, [192, 257, 12] },
        };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Mlp_ValueAndGradients_EqualLibtorchsInFloat64(int rows, int[] widths)
    {
        using var scope = NewDisposeScope();
        foreach (var activateLast in new[] { false, true })
        {
            foreach (var count in new[] { 1, 2, 3 })
            {
                TorchRuntime.Threads = count;
                var ours = Pass(rows, widths, activateLast, ScalarType.Float32);
                var expected = Pass(rows, widths, activateLast, ScalarType.Float64);
                Assert.Equal(expected.Keys, ours.Keys);
                foreach (var (name, value) in expected)
                {
                    Close(value, ours[name], $"{name}, {count} threads, activateLast {activateLast}");
                }
                // the same number of threads gives the same bits
                foreach (var (name, value) in Pass(rows, widths, activateLast, ScalarType.Float32))
                {
                    Assert.Equal(ours[name], value);
                }
            }
        }
    }

    [Theory]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    [InlineData(false, false, false)]
    public void Mlp_OnlySomeGradientsWanted_TheseAndNoOthers(bool input, bool firstLayer, bool lastBias)
    {
        using var scope = NewDisposeScope();
        bool Wanted(string name) =>
            name == "x" ? input
            : name is "weight0" or "bias0" ? firstLayer
            : name == "bias2" && lastBias;
        var expected = Pass(130, [50, 40, 30, 20], true, ScalarType.Float64, Wanted);
        var ours = Pass(130, [50, 40, 30, 20], true, ScalarType.Float32, Wanted);
        Assert.Equal(expected.Keys, ours.Keys);
        Assert.Equal(1 + (input ? 1 : 0) + (firstLayer ? 2 : 0) + (lastBias ? 1 : 0), ours.Count);
        foreach (var (name, value) in expected)
        {
            Close(value, ours[name], name);
        }
    }

    [Fact]
    public void Mlp_NoGrad_SameBitsAndNoHistory()
    {
        using var scope = NewDisposeScope();
        var (x, weights, biases) = Draw(77, [50, 128, 128, 2], ScalarType.Float32, _ => true);
        var y = Fused.mlp(x, weights, biases, Slope, false);
        using var _ = no_grad();
        var silent = Fused.mlp(x, weights, biases, Slope, false);
        Assert.True(y.requires_grad);
        Assert.False(silent.requires_grad);
        Assert.Equal(y.ToArray<float>(), silent.ToArray<float>());
    }

    [Fact]
    public void Mlp_RowsThatDoNotLieTogether_AreRead()
    {
        using var scope = NewDisposeScope();
        var (x, weights, biases) = Draw(90, [64, 20, 3], ScalarType.Float32, _ => true);
        var wide = cat([x, x * 3], 1).detach();
        var y = Fused.mlp(wide.narrow(1, 0, 64), weights, biases, Slope, false);
        Assert.Equal(Fused.mlp(x, weights, biases, Slope, false).ToArray<float>(), y.ToArray<float>());
        Close(Reference(x, weights, biases, false).ToArray<float>(), y.ToArray<float>(), "value");
    }

    [Fact]
    public void Mlp_WrongArguments_SaysWhich()
    {
        using var scope = NewDisposeScope();
        var (x, weights, biases) = Draw(4, [3, 5, 2], ScalarType.Float32, _ => false);
        Assert.Contains(
            "2 weights and 1 biases",
            Assert.Throws<TorchException>(() => Fused.mlp(x, weights, biases[..1], Slope, false)).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "slope",
            Assert.Throws<TorchException>(() => Fused.mlp(x, weights, biases, -0.1, false)).Message,
            StringComparison.Ordinal
        );
        Assert.ThrowsAny<System.Runtime.InteropServices.ExternalException>(() =>
            Fused.mlp(x, [weights[1], weights[0]], biases, Slope, false)
        );
    }

    private static Dictionary<string, double[]> Pass(
        int rows,
        int[] widths,
        bool activateLast,
        ScalarType type,
        Func<string, bool>? wanted = null
    )
    {
        var (x, weights, biases) = Draw(rows, widths, type, wanted ?? (_ => true));
        var y = Fused.mlp(x, weights, biases, Slope, activateLast);
        // each value another weight; no value sits on the kink, where two roundings may choose two slopes
        if (y.requires_grad)
        {
            (y * arange(y.NumberOfElements, type).view(y.shape).sin()).sum().backward();
        }
        var results = new Dictionary<string, double[]> { ["y"] = Doubles(y.detach()) };
        if (x.grad is { } dx)
        {
            results["x"] = Doubles(dx);
        }
        for (var k = 0; k < weights.Length; k++)
        {
            if (weights[k].grad is { } dw)
            {
                results[$"weight{k}"] = Doubles(dw);
            }
            if (biases[k].grad is { } db)
            {
                results[$"bias{k}"] = Doubles(db);
            }
        }
        return results;
    }

    private static (Tensor X, Tensor[] Weights, Tensor[] Biases) Draw(int rows, int[] widths, ScalarType type, Func<string, bool> wanted)
    {
        var random = new Generator(5);
        Tensor Leaf(string name, params long[] shape)
        {
            var leaf = randn(shape, generator: random).to(type) * (shape.Length == 2 && name != "x" ? 1 / Math.Sqrt(shape[1]) : 1);
            leaf.requires_grad = wanted(name);
            return leaf;
        }
        var x = Leaf("x", rows, widths[0]);
        Tensor[] weights = [.. Enumerable.Range(0, widths.Length - 1).Select(k => Leaf($"weight{k}", widths[k + 1], widths[k]))];
        Tensor[] biases = [.. Enumerable.Range(0, widths.Length - 1).Select(k => Leaf($"bias{k}", widths[k + 1]))];
        random.Dispose();
        return (x, weights, biases);
    }

    private static Tensor Reference(Tensor x, Tensor[] weights, Tensor[] biases, bool activateLast)
    {
        for (var k = 0; k < weights.Length; k++)
        {
            x = nn.functional.linear(x, weights[k], biases[k]);
            if (k + 1 < weights.Length || activateLast)
            {
                x = nn.functional.leaky_relu(x, Slope);
            }
        }
        return x;
    }

    private static double[] Doubles(Tensor t) => t.to(ScalarType.Float64).ToArray<double>();

    private static void Close(float[] expected, float[] actual, string what) =>
        Close(Array.ConvertAll(expected, v => (double)v), Array.ConvertAll(actual, v => (double)v), what);

    private static void Close(double[] expected, double[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        var scale = expected.Max(Math.Abs);
        for (var k = 0; k < expected.Length; k++)
        {
            Assert.True(
                Math.Abs(expected[k] - actual[k]) <= 5e-6 * scale + 1e-7,
                $"{what}[{k}]: {actual[k]} instead of {expected[k]} (largest {scale})"
            );
        }
    }
}
