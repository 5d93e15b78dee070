using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests;

/// <summary>Two halves of a batch on two threads give what one thread gives.</summary>
public sealed class RowSplitTests : TensorTest
{
    public override void Dispose()
    {
        RowSplit.Enabled = false;
        base.Dispose();
    }

    [Fact]
    public void Forward_SplitOrWhole_SameResultAndSameGradients()
    {
        using var scope = torch.NewDisposeScope();
        using var score = Score();
        var (whole, wholeGradients) = Pass(score, split: false);
        var (halves, splitGradients) = Pass(score, split: true);
        Close(whole, halves, "result");
        Assert.Equal(wholeGradients.Count, splitGradients.Count);
        foreach (var (name, gradient) in wholeGradients)
        {
            Close(gradient, splitGradients[name], name);
        }
        Assert.Contains(wholeGradients, g => g.Key != "x" && g.Value.Any(v => v != 0));
    }

    [Fact]
    public void Forward_SplitTwice_SameBits()
    {
        using var scope = torch.NewDisposeScope();
        using var score = Score();
        var (first, firstGradients) = Pass(score, split: true);
        var (second, secondGradients) = Pass(score, split: true);
        Assert.Equal(first, second);
        foreach (var (name, gradient) in firstGradients)
        {
            Assert.Equal(gradient, secondGradients[name]);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ForwardWithBottleneck_SplitOrWhole_SameResultsAndSameGradients(bool decoderLearns)
    {
        using var scope = torch.NewDisposeScope();
        using var score = Score();
        var denoiser = score.Denoiser;
        var (whole, wholeGradients) = PairPass(denoiser, decoderLearns, split: false);
        var (halves, splitGradients) = PairPass(denoiser, decoderLearns, split: true);
        Close(whole, halves, "result");
        Assert.Equal(wholeGradients.Keys.Order(), splitGradients.Keys.Order());
        foreach (var (name, gradient) in wholeGradients)
        {
            Close(gradient, splitGradients[name], name);
        }
        Assert.Equal(decoderLearns, splitGradients.Any(g => g.Key.Contains(".dec.", StringComparison.Ordinal) && g.Value.Any(v => v != 0)));
        Assert.Contains(splitGradients, g => g.Key.Contains(".enc.", StringComparison.Ordinal) && g.Value.Any(v => v != 0));
    }

    [Fact]
    public void Forward_HalfFails_SaysWhyAndGoesOn()
    {
        using var scope = torch.NewDisposeScope();
        RowSplit.Enabled = true;
        var x = torch.ones([RowSplit.FewestRows, 2]);
        var wrong = Assert.Throws<InvalidOperationException>(() =>
            RowSplit.Run([], [x], half => half[0]!.ToArray<float>()[0] > 0 ? throw new InvalidOperationException("no") : x)
        );
        Assert.Equal("no", wrong.Message);
        Assert.All(RowSplit.Run([], [x], half => half[0]! * 3).ToArray<float>(), v => Assert.Equal(3, v));
    }

    // f and ℓ share the encoder's weights; only the encoder's gradients come from both
    private static (float[] Result, Dictionary<string, float[]> Gradients) Pass(AmortizedScore score, bool split)
    {
        RowSplit.Enabled = split;
        var random = new Generator(7, torch.CPU);
        const int n = 19;
        var x = torch.randn([n, 1, 16, 16], generator: random).detach();
        x.requires_grad = true;
        var σ = torch.rand([n], generator: random) + 0.1;
        var α = torch.rand([n], generator: random);
        var labels = HostTransfer.OneHot(torch.randint(3, [n], ScalarType.Int64, generator: random), 3);
        score.RequireGrad(true);
        foreach (var (_, p) in score.ParameterEntries())
        {
            p.grad = null;
        }
        var f = score.Denoise(x, σ, α, labels);
        var ℓ = score.LogDensityRatio(x * 0.5, σ, labels);
        (f.square().mean() + ℓ.square().mean()).backward();
        var gradients = score
            .ParameterEntries()
            .Where(p => p.Parameter.grad is not null)
            .ToDictionary(p => p.Name, p => p.Parameter.grad!.ToArray<float>());
        gradients["x"] = x.grad!.ToArray<float>();
        return ([.. f.detach().ToArray<float>(), .. ℓ.detach().ToArray<float>()], gradients);
    }

    // an odd number of rows, so that the halves differ
    private static (float[] Result, Dictionary<string, float[]> Gradients) PairPass(Denoiser denoiser, bool decoderLearns, bool split)
    {
        RowSplit.Enabled = split;
        var random = new Generator(8, torch.CPU);
        const int n = 21;
        var x = torch.randn([n, 1, 16, 16], generator: random).detach();
        x.requires_grad = true;
        Assert.Equal(split, RowSplit.Splits(x));
        var labels = HostTransfer.OneHot(torch.randint(3, [n], ScalarType.Int64, generator: random), 3);
        foreach (var (_, p) in denoiser.ParameterEntries())
        {
            p.grad = null;
        }
        var (D, bottleneck) = denoiser.ForwardWithBottleneck(
            x,
            torch.rand([n], generator: random) + 0.1,
            torch.rand([n], generator: random),
            labels,
            decoderLearns
        );
        Assert.Equal(decoderLearns, D.requires_grad);
        Assert.Equal([n, .. denoiser.SampleShape], D.shape);
        Assert.Equal([n, .. denoiser.BottleneckShape], bottleneck.shape);
        (D.square().mean() + bottleneck.square().mean()).backward();
        var gradients = denoiser
            .ParameterEntries()
            .Where(p => p.Parameter.grad is not null)
            .ToDictionary(p => p.Name, p => p.Parameter.grad!.ToArray<float>());
        gradients["x"] = x.grad!.ToArray<float>();
        return ([.. D.detach().ToArray<float>(), .. bottleneck.detach().ToArray<float>()], gradients);
    }

    private static AmortizedScore Score()
    {
        var random = new Generator(3, torch.CPU);
        var denoiser = new ImageDenoiser(
            new DdpmPlusPlusOptions
            {
                Resolution = 16,
                ImageChannels = 1,
                Classes = 3,
                ModelChannels = 16,
                ChannelMultipliers = [1, 2],
                BlocksPerLevel = 1,
                AttentionResolutions = [],
                Alpha = AlphaEmbedding.Paper,
            },
            random
        );
        var score = new AmortizedScore(denoiser, new ClassHead(denoiser.Model.BottleneckChannels, denoiser.Model.BottleneckSide, random));
        // the last convolutions start near 0, which would hide everything before them
        foreach (var (_, p) in score.ParameterEntries())
        {
            p.detach().add_(torch.randn(p.shape, generator: random) * 0.05);
        }
        return score;
    }

    private static void Close(float[] expected, float[] actual, string what)
    {
        var scale = expected.Max(Math.Abs);
        for (var k = 0; k < expected.Length; k++)
        {
            Assert.True(
                Math.Abs(expected[k] - actual[k]) <= 2e-5 * scale + 1e-7,
                $"{what}[{k}]: {actual[k]} instead of {expected[k]} (largest {scale})"
            );
        }
    }
}
