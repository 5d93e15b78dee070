using SmtWeb.Measures.Inception;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>The FID Inception network with formula weights: every stage, both resize conventions.</summary>
[Trait("Category", "Golden")]
public sealed class InceptionTests : TensorTest
{
    // after which stage the published features of so many dimensions are taken
    private static readonly Dictionary<string, string> Taps = new()
    {
        ["MaxPool_1"] = "64",
        ["MaxPool_2"] = "192",
        ["Mixed_6e"] = "768",
        ["AvgPool"] = "2048",
    };

    public static TheoryData<string> Cases => GoldenCase.OfKind("fid_inception");

    [Theory]
    [MemberData(nameof(Cases))]
    public void Features_GoldenCase_AreThoseOfEveryStage(string id)
    {
        var golden = GoldenCase.Load(id);
        using var scope = torch.NewDisposeScope();
        using var network = new InceptionNetwork(golden.WeightTensors(), torch.CPU);
        foreach (var image in golden.Config.GetProperty("images").EnumerateArray().Select(i => i.GetString()!))
        {
            Verify(golden, network, image, "tf1", InceptionResize.Tf1);
            Verify(golden, network, image, "pfid", InceptionResize.PytorchFid);
        }
    }

    [Fact]
    public void Constructor_MissingAndMisshapenWeights_AreNamed()
    {
        using var scope = torch.NewDisposeScope();
        var weights = new Dictionary<string, Tensor>
        {
            ["Conv2d_1a_3x3.conv.weight"] = torch.zeros([32, 1, 3, 3]),
            ["AuxLogits.fc.weight"] = torch.zeros([1]),
        };
        var error = Assert.Throws<InvalidDataException>(() => new InceptionNetwork(weights, torch.CPU));
        Assert.Contains("Conv2d_1a_3x3.conv.weight has shape [32,1,3,3], not [32,3,3,3]", error.Message);
        Assert.Contains("bn.weight is missing", error.Message);
    }

    [Fact]
    public void MapNames_NvidiaGraphNames_FindEveryTensor()
    {
        var theirs = InceptionLayout
            .Convolutions.SelectMany(c => new[] { "weight", "beta", "mean", "var" }.Select(p => $"layers.{c.GraphName}.{p}"))
            .Append("output.weight")
            .Append("output.bias")
            .ToList();
        var map = InceptionWeights.MapNames(theirs);
        Assert.Equal(InceptionWeights.Needed().Select(n => n.Name).Order(), map.Keys.Order());
        Assert.Equal("layers.mixed_9.tower_1.mixed.conv_1.weight", map["Mixed_7b.branch3x3dbl_3b.conv.weight"]);
        Assert.Equal("layers.conv.mean", map["Conv2d_1a_3x3.bn.running_mean"]);
        Assert.Null(map["Mixed_5b.branch1x1.bn.weight"]);
        Assert.Equal(theirs.Count, map.Values.OfType<string>().Distinct().Count());
        Assert.Contains("neither", Assert.Throws<InvalidDataException>(() => InceptionWeights.MapNames(["resnet.weight"])).Message);
    }

    private static void Verify(GoldenCase golden, InceptionNetwork network, string image, string convention, InceptionResize resize)
    {
        using var scope = torch.NewDisposeScope();
        var prefix = $"{image}.{convention}";
        var x = InceptionInput.Prepare(golden.Tensor(image), resize);
        golden.Verify($"{prefix}.input_sub", Subsample(x, golden.Config.GetProperty("subsample").GetInt32()));
        var taps = new Dictionary<string, Tensor>();
        var stages = new Dictionary<string, double[]>();
        var features = network.Features(
            x,
            (name, y) =>
            {
                var wide = y.to(ScalarType.Float64);
                stages.Add(name, [wide.mean().ToDouble(), Math.Sqrt((wide * wide).mean().ToDouble())]);
                if (Taps.TryGetValue(name, out var tap))
                {
                    taps.Add(tap, y.mean([2, 3]).DetachFromDisposeScope());
                }
            }
        );
        foreach (var (tap, values) in taps)
        {
            golden.Verify($"{prefix}.{tap}", values);
            values.Dispose();
        }
        golden.Verify($"{prefix}.logits", network.Logits(features, bias: true));
        if (golden.Expects($"{prefix}.logits_unbiased"))
        {
            golden.Verify($"{prefix}.logits_unbiased", network.Logits(features, bias: false));
        }
        if (golden.Expects($"{prefix}.stages"))
        {
            golden
                .Expect($"{prefix}.stages")
                .Verify([.. golden.Config.GetProperty("stage_names").EnumerateArray().SelectMany(n => stages[n.GetString()!])]);
        }
    }

    // every k-th row and column
    private static Tensor Subsample(Tensor x, int step)
    {
        var rows = Tensors.Of(
            [.. Enumerable.Range(0, (int)((x.size(2) + step - 1) / step)).Select(k => (long)k * step)],
            [(x.size(2) + step - 1) / step]
        );
        return x.index_select(2, rows).index_select(3, rows);
    }
}
