using SmtWeb.Torch.Interop;

namespace SmtWeb.Torch.Tests;

/// <summary>The binding: operators, scopes, errors, autograd, generators, the optimizer. No tensor may be left by a test.</summary>
[Collection("Tensors")]
public sealed class TensorTests : IDisposable
{
    private readonly long before;

    public TensorTests()
    {
        torch.Initialize();
        before = torch.LiveTensors;
    }

    public void Dispose() => Assert.Equal(before, torch.LiveTensors);

    [Fact]
    public void Verify_LoadedLibrary_HasEveryOperatorWithItsArguments() => Operators.Verify();

    [Theory]
    [InlineData("aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", "self other alpha")]
    [InlineData("aten::conv2d(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=[1, 1], int groups=1) -> Tensor", "input weight bias stride groups")]
    [InlineData("aten::zero_(Tensor(a!) self) -> Tensor(a!)", "self")]
    public void ArgumentNames_OfSchema_AreItsNamesInOrder(string schema, string expected) =>
        Assert.Equal(expected.Split(' '), Operators.ArgumentNames(schema));

    [Fact]
    public void Operator_WrongShapes_NamesOperatorAndShapes()
    {
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(0, Device.Cpu);
        var (a, b) = (torch.randn([2, 3, 4], random), torch.randn([2, 5, 6], random));
        var error = Assert.Throws<TorchException>(() => a.bmm(b));
        Assert.Contains("aten::bmm", error.Message);
        Assert.Contains("Float32[2,3,4]", error.Message);
        Assert.Contains("Float32[2,5,6]", error.Message);
    }

    [Fact]
    public void Scope_Disposed_FreesAllButWhatWasMovedOut()
    {
        Tensor kept;
        using (var outer = torch.NewDisposeScope())
        {
            using (var inner = torch.NewDisposeScope())
            {
                var a = torch.ones([2]);
                kept = inner.MoveToOuter(a + 1);
            }
            Assert.Equal(before + 1, torch.LiveTensors);
            Assert.Equal([2f, 2f], kept.ToArray<float>());
        }
        Assert.Throws<ObjectDisposedException>(() => kept.Count);
    }

    [Fact]
    public void Scope_ExceptionInside_FreesAll()
    {
        Assert.Throws<TorchException>(Failing);
        Assert.Equal(before, torch.LiveTensors);

        static void Failing()
        {
            using var scope = torch.NewDisposeScope();
            var a = torch.ones([3]);
            (a * 2).bmm(a);
        }
    }

    [Fact]
    public void ToArray_OtherElementType_SaysHowToConvert()
    {
        using var t = torch.ones([1], ScalarType.Float64);
        Assert.Contains("Float64", Assert.Throws<TorchException>(() => t.ToArray<float>()).Message);
    }

    [Fact]
    public void Backward_OfProduct_GivesDerivative()
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.tensor([1f, -2f, 3f], [3]);
        x.RequiresGrad = true;
        (x * x * x).sum().backward();
        Assert.Equal([3f, 12f, 27f], x.Grad!.ToArray<float>());
    }

    [Fact]
    public void NoGrad_Inside_RecordsNothing()
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.ones([1]);
        x.RequiresGrad = true;
        using (torch.no_grad()) Assert.False((x * 2).RequiresGrad);
        Assert.True((x * 2).RequiresGrad);
    }

    [Fact]
    public void Generator_StateRestored_DrawsTheSameAgain()
    {
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(5, Device.Cpu);
        torch.randn([7], random);
        var state = random.GetState();
        var first = torch.randn([5], random).ToArray<float>();
        random.SetState(state);
        Assert.Equal(first, torch.randn([5], random).ToArray<float>());
        Assert.NotEqual(first, torch.randn([5], random).ToArray<float>());
    }

    [Theory]
    [InlineData(ScalarType.Float32, true, true, 2e-6)]
    [InlineData(ScalarType.Float32, false, true, 2e-6)]
    [InlineData(ScalarType.Float32, true, false, 2e-6)]
    [InlineData(ScalarType.BFloat16, true, true, 2e-2)]
    [InlineData(ScalarType.BFloat16, false, false, 2e-2)]
    public void GroupNorm_ValueAndGradients_EqualTheSeparateOperators(ScalarType type, bool shifted, bool silu, double tolerance)
    {
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(1, Device.Cpu);
        // channels that are no multiple of a vector, an odd image, values far from zero
        var host = torch.randn([3, 20, 5, 7], random) * 2 + 1;
        var shiftHost = torch.randn([3, 20], random);
        var (weightHost, biasHost, upstream) = (torch.randn([20], random), torch.randn([20], random), torch.randn([3, 20, 5, 7], random));

        Tensor[] Run(Func<Tensor, Tensor?, Tensor, Tensor, Tensor> f, ScalarType t)
        {
            var leaves = new[] { host.to(t), shiftHost.clone(), weightHost.clone(), biasHost.clone() };
            foreach (var leaf in leaves) leaf.RequiresGrad = true;
            var y = f(leaves[0], shifted ? leaves[1] : null, leaves[2], leaves[3]);
            torch.backward([y], [upstream.to(y.ScalarType)]);
            return [y.detach(), leaves[0].Grad!, shifted ? leaves[1].Grad! : torch.zeros([1]), leaves[2].Grad!, leaves[3].Grad!];
        }
        var fused = Run((x, s, w, b) => torch.functional.group_norm(x, s, 5, w, b, 1e-5, silu), type);
        var separate = Run((x, s, w, b) => Separate(s is null ? x : x + s.unsqueeze(2).unsqueeze(3), w, b, silu), ScalarType.Float32);
        AssertClose(fused, separate, tolerance);
    }

    [Theory]
    [InlineData(ScalarType.Float32, true, 2e-6)]
    [InlineData(ScalarType.Float32, false, 2e-6)]
    [InlineData(ScalarType.BFloat16, true, 2e-2)]
    public void GroupNormBranch_GradientsOfBothWays_AreAdded(ScalarType type, bool silu, double tolerance)
    {
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(2, Device.Cpu);
        var (host, weight, bias) = (torch.randn([3, 36, 3, 5], random) * 3 - 2, torch.randn([36], random), torch.randn([36], random));
        var (upper, lower) = (torch.randn([3, 36, 3, 5], random), torch.randn([3, 36, 3, 5], random));
        foreach (var (first, second) in new[] { (true, true), (true, false), (false, true) })
        {
            Tensor[] Run(Func<Tensor, (Tensor, Tensor)> f, ScalarType t)
            {
                var leaf = host.to(t).clone();
                leaf.RequiresGrad = true;
                var (a, b) = f(leaf);
                List<Tensor> results = [], gradients = [];
                if (first) (results, gradients) = ([.. results, a], [.. gradients, upper.to(t)]);
                if (second) (results, gradients) = ([.. results, b], [.. gradients, lower.to(t)]);
                torch.backward([.. results], [.. gradients]);
                return [a.detach(), b.detach(), leaf.Grad!];
            }
            AssertClose(Run(x => torch.functional.group_norm_branch(x, 9, weight, bias, 1e-5, silu), type), Run(x => (Separate(x, weight, bias, silu, 9), x), ScalarType.Float32), tolerance);
        }
    }

    private static Tensor Separate(Tensor x, Tensor weight, Tensor bias, bool silu, long groups = 5)
    {
        var y = torch.functional.group_norm(x, groups, weight, bias, 1e-5);
        return silu ? y.silu() : y;
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
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(1, Device.Cpu);
        var x = torch.randn([1, 4, 2, 2], random);
        x.narrow(1, 0, 1).fill_(double.NaN);
        foreach (var type in new[] { ScalarType.Float32, ScalarType.BFloat16 })
        {
            var y = torch.functional.group_norm(x.to(type), null, 2, torch.ones([4]), torch.zeros([4]), 1e-5, silu: true).to(ScalarType.Float32).ToArray<float>();
            Assert.All(y[..8], v => Assert.True(float.IsNaN(v)));
            Assert.All(y[8..], v => Assert.True(float.IsFinite(v)));
        }
    }

    [Fact]
    public void AdamW_NonFiniteGradient_LeavesEverythingAsItWas()
    {
        using var scope = torch.NewDisposeScope();
        using var module = new One();
        using var flat = new FlatParameters(("", module));
        using var adamW = new AdamW(flat);
        flat.Gradients.fill_(double.PositiveInfinity);
        var values = flat.Values.ToArray<float>();
        Assert.False(double.IsFinite(adamW.Step(0.1)));
        Assert.Equal(values, flat.Values.ToArray<float>());
        Assert.Equal(0, adamW.Steps);
        flat.Gradients.fill_(1);
        adamW.Step(0.1);
        Assert.NotEqual(values, flat.Values.ToArray<float>());
    }

    [Fact]
    public void FlatParameters_ConvolutionWeight_KeepsItsValuesInChannelsLastOrder()
    {
        using var scope = torch.NewDisposeScope();
        using var module = new One();
        var values = module.Weight.Value.ToArray<float>();
        using var flat = new FlatParameters(("", module));
        Assert.Equal(values, module.Weight.Value.ToArray<float>());
        Assert.Equal([27L, 1L, 9L, 3L], module.Weight.Value.Strides);
        module.Weight.Value.sum().backward();
        Assert.Equal(54, flat.Gradients.sum().ToDouble());
    }

    [Fact]
    public void LoadStateDict_OtherNetwork_NamesWhatDiffers()
    {
        using var scope = torch.NewDisposeScope();
        using var module = new One();
        var error = Assert.Throws<InvalidDataException>(() => module.LoadStateDict(new Dictionary<string, Tensor> { ["weight"] = torch.ones([1]), ["extra"] = torch.ones([1]) }));
        Assert.Contains("weight has shape [1]", error.Message);
        Assert.Contains("extra is not in the network", error.Message);
    }

    private sealed class One : Module
    {
        internal One()
        {
            using var random = new Generator(3, Device.Cpu);
            Weight = Register("weight", torch.randn([2, 3, 3, 3], random));
        }

        internal Parameter Weight { get; }
    }
}

/// <summary>Tensor tests run one after another: they count the tensors of the process.</summary>
[CollectionDefinition("Tensors", DisableParallelization = true)]
public sealed class TensorCollection;
