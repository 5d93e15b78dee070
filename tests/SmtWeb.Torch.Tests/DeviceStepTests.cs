using static TorchSharp.torch;

namespace SmtWeb.Torch.Tests;

/// <summary>The optimizer's step as a GPU takes it, here on the CPU: the numbers of the other, without reading one.</summary>
public sealed class DeviceStepTests
{
    [Theory]
    [InlineData(double.PositiveInfinity)]
    [InlineData(100)]
    [InlineData(0.5)]
    public void StepOnDevice_AnyClip_IsTheStepOfTheCpu(double clip)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(4);
        using var here = new Trained(random);
        using var there = new Trained(random);
        using (no_grad())
        {
            there.Flat.Values.copy_(here.Flat.Values);
        }
        using var steps = zeros([1]);
        for (var k = 0; k < 3; k++)
        {
            using (no_grad())
            {
                here.Flat.Gradients.copy_(randn(here.Flat.Gradients.shape, generator: random));
                there.Flat.Gradients.copy_(here.Flat.Gradients);
            }
            var known = here.Optimizer.Step(0.01, clip);
            var norm = there.Optimizer.StepOnDevice(0.01, clip, steps);
            Assert.True(known.IsKnown);
            Assert.False(norm.IsKnown);
            Assert.Equal(known.Value, norm.Value, 4);
            Assert.Equal(1, norm.FiniteOnDevice().item<float>());
            Assert.InRange((here.Flat.Values - there.Flat.Values).abs().max().item<float>(), 0, 1e-6); // four roundings of a float32 near 1
        }
        Assert.Equal(3, steps.item<float>());
        Assert.Equal((3, 3), (here.Optimizer.Attempts, there.Optimizer.Attempts));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void StepOnDevice_GradientThatIsNotFinite_LeavesEverythingAsItWas(float bad)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(5);
        using var trained = new Trained(random);
        using var none = no_grad();
        using var steps = zeros([1]);
        trained.Flat.Gradients.fill_(0.1);
        trained.Optimizer.StepOnDevice(0.01, 1, steps);
        var before = (
            trained.Flat.Values.ToArray<float>(),
            trained.Optimizer.FirstMoment.ToArray<float>(),
            trained.Optimizer.SecondMoment.ToArray<float>()
        );
        trained.Flat.Gradients[3] = bad;
        var norm = trained.Optimizer.StepOnDevice(0.01, 1, steps);
        Assert.False(norm.IsFinite);
        Assert.Equal(0, norm.FiniteOnDevice().item<float>());
        Assert.Equal(before.Item1, trained.Flat.Values.ToArray<float>());
        Assert.Equal(before.Item2, trained.Optimizer.FirstMoment.ToArray<float>());
        Assert.Equal(before.Item3, trained.Optimizer.SecondMoment.ToArray<float>());
        Assert.Equal(1, steps.item<float>());
    }

    private sealed class Trained : IDisposable
    {
        private readonly nn.Module _network = nn.Linear(7, 5);

        internal Trained(Generator random)
        {
            Flat = new FlatParameters(("", _network));
            using (no_grad())
            {
                Flat.Values.copy_(randn(Flat.Values.shape, generator: random));
            }
            Optimizer = new AdamW(Flat);
        }

        internal FlatParameters Flat { get; }

        internal AdamW Optimizer { get; }

        public void Dispose()
        {
            Optimizer.Dispose();
            Flat.Dispose();
            _network.Dispose();
        }
    }
}
