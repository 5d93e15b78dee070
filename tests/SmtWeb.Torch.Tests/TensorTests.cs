using static TorchSharp.torch;

namespace SmtWeb.Torch.Tests;

/// <summary>Values, generators, the group normalisations, flat parameters and their optimizer. No tensor may be left by a test.</summary>
[Collection("Tensors")]
public sealed class TensorTests : IDisposable
{
    private readonly long _before;

    public TensorTests()
    {
        TorchRuntime.Initialize();
        _before = TorchRuntime.LiveTensors;
    }

    public void Dispose() => Assert.Equal(_before, TorchRuntime.LiveTensors);

    [Fact]
    public void ToArray_OtherElementType_SaysHowToConvert()
    {
        using var t = ones([1], ScalarType.Float64);
        Assert.Contains("Float64", Assert.Throws<TorchException>(() => t.ToArray<float>()).Message);
    }

    [Fact]
    public void Generator_StateRestored_DrawsTheSameAgain()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(5);
        randn([7], generator: random);
        var state = GeneratorState.Get(random);
        var first = randn([5], generator: random).ToArray<float>();
        GeneratorState.Set(random, state);
        Assert.Equal(first, randn([5], generator: random).ToArray<float>());
        Assert.NotEqual(first, randn([5], generator: random).ToArray<float>());
    }

    [Theory]
    [InlineData(ScalarType.Float32, true, true, 2e-6)]
    [InlineData(ScalarType.Float32, false, true, 2e-6)]
    [InlineData(ScalarType.Float32, true, false, 2e-6)]
    [InlineData(ScalarType.BFloat16, true, true, 2e-2)]
    [InlineData(ScalarType.BFloat16, false, false, 2e-2)]
    public void GroupNorm_ValueAndGradients_EqualTheSeparateOperators(ScalarType type, bool shifted, bool silu, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        // channels that are no multiple of a vector, an odd image, values far from zero
        var host = randn([3, 20, 5, 7], generator: random) * 2 + 1;
        var shiftHost = randn([3, 20], generator: random);
        var (weightHost, biasHost, upstream) = (
            randn([20], generator: random),
            randn([20], generator: random),
            randn([3, 20, 5, 7], generator: random)
        );

        Tensor[] Run(Func<Tensor, Tensor?, Tensor, Tensor, Tensor> f, ScalarType t)
        {
            var leaves = new[] { host.to(t), shiftHost.clone(), weightHost.clone(), biasHost.clone() };
            foreach (var leaf in leaves)
            {
                leaf.requires_grad = true;
            }
            var y = f(leaves[0], shifted ? leaves[1] : null, leaves[2], leaves[3]);
            autograd.backward([y], [upstream.to(y.dtype)]);
            return [y.detach(), leaves[0].grad!, shifted ? leaves[1].grad! : zeros([1]), leaves[2].grad!, leaves[3].grad!];
        }
        var fused = Run((x, s, w, b) => Fused.group_norm(x, s, 5, w, b, 1e-5, silu), type);
        var separate = Run((x, s, w, b) => Separate(s is null ? x : x + s.unsqueeze(2).unsqueeze(3), w, b, silu), ScalarType.Float32);
        AssertClose(fused, separate, tolerance);
    }

    [Theory]
    [InlineData(ScalarType.Float32, true, 2e-6)]
    [InlineData(ScalarType.Float32, false, 2e-6)]
    [InlineData(ScalarType.BFloat16, true, 2e-2)]
    public void GroupNormBranch_GradientsOfBothWays_AreAdded(ScalarType type, bool silu, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(2);
        var (host, weight, bias) = (
            randn([3, 36, 3, 5], generator: random) * 3 - 2,
            randn([36], generator: random),
            randn([36], generator: random)
        );
        var (upper, lower) = (randn([3, 36, 3, 5], generator: random), randn([3, 36, 3, 5], generator: random));
        foreach (var (first, second) in new[] { (true, true), (true, false), (false, true) })
        {
            Tensor[] Run(Func<Tensor, (Tensor, Tensor)> f, ScalarType t)
            {
                var leaf = host.to(t).clone();
                leaf.requires_grad = true;
                var (a, b) = f(leaf);
                List<Tensor> results = [],
                    gradients = [];
                if (first)
                {
                    (results, gradients) = ([.. results, a], [.. gradients, upper.to(t)]);
                }
                if (second)
                {
                    (results, gradients) = ([.. results, b], [.. gradients, lower.to(t)]);
                }
                autograd.backward([.. results], [.. gradients]);
                return [a.detach(), b.detach(), leaf.grad!];
            }
            AssertClose(
                Run(x => Fused.group_norm_branch(x, 9, weight, bias, 1e-5, silu), type),
                Run(x => (Separate(x, weight, bias, silu, 9), x), ScalarType.Float32),
                tolerance
            );
        }
    }

    private static Tensor Separate(Tensor x, Tensor weight, Tensor bias, bool silu, long groups = 5)
    {
        var y = nn.functional.group_norm(x, groups, weight, bias, 1e-5);
        return silu ? nn.functional.silu(y) : y;
    }

    private static void AssertClose(Tensor[] ours, Tensor[] theirs, double tolerance)
    {
        for (var k = 0; k < ours.Length; k++)
        {
            var scale = theirs[k].abs().mean().ToDouble() + 1e-3;
            var worst = (ours[k].to(ScalarType.Float32) - theirs[k]).abs().to(ScalarType.Float64).ToArray<double>().Max();
            Assert.True(worst <= tolerance * 10 * scale, $"result {k}: differs by {worst}, typical size {scale}");
        }
    }

    [Fact]
    public void GroupNorm_NotANumber_StaysOne()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        var x = randn([1, 4, 2, 2], generator: random);
        x.narrow(1, 0, 1).fill_(float.NaN);
        foreach (var type in new[] { ScalarType.Float32, ScalarType.BFloat16 })
        {
            var y = Fused.group_norm(x.to(type), null, 2, ones([4]), zeros([4]), 1e-5, silu: true).to(ScalarType.Float32).ToArray<float>();
            Assert.All(y[..8], v => Assert.True(float.IsNaN(v)));
            Assert.All(y[8..], v => Assert.True(float.IsFinite(v)));
        }
    }

    [Fact]
    public void AdamW_NonFiniteGradient_LeavesEverythingAsItWas()
    {
        using var scope = NewDisposeScope();
        using var module = new One();
        using var flat = new FlatParameters(("", module));
        using var adamW = new AdamW(flat);
        flat.Gradients.fill_(float.PositiveInfinity);
        var values = flat.Values.ToArray<float>();
        Assert.False(adamW.Step(0.1).IsFinite);
        Assert.Equal(values, flat.Values.ToArray<float>());
        Assert.Equal(0, adamW.Steps);
        flat.Gradients.fill_(1);
        adamW.Step(0.1);
        Assert.NotEqual(values, flat.Values.ToArray<float>());
    }

    [Fact]
    public void FlatParameters_ConvolutionWeight_KeepsItsValuesInChannelsLastOrder()
    {
        using var scope = NewDisposeScope();
        using var module = new One();
        var values = module.weight.ToArray<float>();
        using var flat = new FlatParameters(("", module));
        Assert.Equal(values, module.weight.ToArray<float>());
        Assert.Equal([27L, 1L, 9L, 3L], module.weight.stride());
        module.weight.sum().backward();
        Assert.Equal(54, flat.Gradients.sum().ToDouble());
    }

    [Fact]
    public void LoadStateDict_OtherNetwork_NamesWhatDiffers()
    {
        using var scope = NewDisposeScope();
        using var module = new One();
        var error = Assert.Throws<InvalidDataException>(() =>
            module.LoadValues(new Dictionary<string, Tensor> { ["weight"] = ones([1]), ["extra"] = ones([1]) })
        );
        Assert.Contains("weight has shape [1]", error.Message);
        Assert.Contains("extra is not in the network", error.Message);
    }

    private sealed class One : nn.Module
    {
        internal readonly TorchSharp.Modules.Parameter weight;

        internal One()
            : base(nameof(One))
        {
            using var random = new Generator(3);
            // TorchSharp's public constructor empties the tensor but goes on counting it in Tensor.TotalCount
            weight = NewParameter(randn([2, 3, 3, 3], generator: random).with_requires_grad(true).DecoupleFromNativeHandle());
            weight.DetachFromDisposeScope();
            RegisterComponents();
        }

        [System.Runtime.CompilerServices.UnsafeAccessor(System.Runtime.CompilerServices.UnsafeAccessorKind.Constructor)]
        private static extern TorchSharp.Modules.Parameter NewParameter(nint handle);
    }
}

/// <summary>Tensor tests run one after another: they count the tensors of the process.</summary>
[CollectionDefinition("Tensors", DisableParallelization = true)]
public sealed class TensorCollection;
