using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests;

/// <summary>On 2-D data the score network may be larger than the generator.</summary>
public sealed class ScoreSizeTests : TensorTest
{
    [Theory]
    [InlineData(0, 0, 24, 2)]
    [InlineData(40, 0, 40, 2)]
    [InlineData(0, 3, 24, 3)]
    public void Create_ScoreSizes_AreTheScoreNetworksAlone(int width, int layers, int expectedWidth, int expectedLayers)
    {
        var spec = Presets.Find("fig5/smt")!.Spec with
        {
            Network = new MlpSpec
            {
                HiddenWidth = 24,
                HiddenLayers = 2,
                ScoreHiddenWidth = width,
                ScoreHiddenLayers = layers,
            },
        };
        using var scope = torch.NewDisposeScope();
        var random = new Generator(1, torch.CPU);
        using var generator = NetworkFactory.CreateGenerator(spec, random);
        using var score = NetworkFactory.CreateScore(spec, random);
        using var fake = NetworkFactory.CreateFakeScore(spec, random);
        Assert.Equal((24, 2), Size(generator));
        Assert.Equal((expectedWidth, expectedLayers), Size(score));
        Assert.Equal((expectedWidth, expectedLayers), Size(fake));
    }

    private static (int Width, int Layers) Size(Module network)
    {
        // the head has a hidden layer of its own
        var weights = network
            .ParameterEntries()
            .Where(p =>
                !p.Name.StartsWith("head.", StringComparison.Ordinal)
                && p.Name.Contains("hidden", StringComparison.Ordinal)
                && p.Name.EndsWith("weight", StringComparison.Ordinal)
            )
            .ToList();
        return ((int)weights[0].Parameter.size(0), weights.Count);
    }
}
