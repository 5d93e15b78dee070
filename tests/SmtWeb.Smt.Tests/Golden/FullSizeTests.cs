using System.Text.Json;
using SmtWeb.Smt.Networks;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>The networks of the paper at their full size: their state dicts, and a forward pass with weights of the formula.</summary>
[Trait("Category", "Golden")]
[Trait("Speed", "Slow")]
public sealed class FullSizeTests : TensorTest
{
    public static TheoryData<string> RealForward => GoldenCase.OfKind("real_forward");

    public static TheoryData<string, string> Listings =>
        [.. GoldenCase.OfKind("arch_listing").SelectMany(row => GoldenCase.Load(row.Data).AuxiliaryRoles.Select(role => (row.Data, role)))];

    [Theory, MemberData(nameof(RealForward))]
    public void Denoiser_FullSizeWithFormulaWeights_GivesReferenceNumbers(string id)
    {
        var golden = GoldenCase.Load(id);
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        using var random = new Generator(0, torch.CPU);
        using var network = GoldenTorch.Network(
            golden.Config.GetProperty("model_type").GetString()!,
            golden.Config.GetProperty("network"),
            random
        );
        network.eval();
        golden.LoadWeights(network);

        var (x, σ, α, labels) = (golden.Tensor("x"), golden.Tensor("sigma"), golden.Optional("alpha"), golden.Labels(network.Classes));
        golden.VerifyTrace(network, () => golden.Verify("D", network.forward(x, σ, α, labels)));
        var bottleneck = network.Bottleneck(x, σ, α, labels);
        Assert.Equal(golden.Config.GetProperty("bottleneck_shape").EnumerateArray().Select(s => s.GetInt64()), bottleneck.shape);
        golden.Verify("bottleneck_first8", bottleneck.narrow(1, 0, 8));
        var wide = bottleneck.to(ScalarType.Float64);
        golden.Expect("bottleneck_stats").Verify(wide.mean().ToDouble(), Math.Sqrt(wide.square().mean().ToDouble()));
    }

    [Theory, MemberData(nameof(Listings))]
    public void StateDict_FullSize_HasReferenceNamesShapesOrderAndCounts(string id, string role)
    {
        var golden = GoldenCase.Load(id);
        using var document = JsonDocument.Parse(File.ReadAllBytes(golden.AuxiliaryFile(role)));
        var listing = document.RootElement;
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(0, torch.CPU);
        var entries = listing
            .GetProperty("state_dict")
            .EnumerateArray()
            .Select(e =>
                (Name: e[0].GetString()!, Shape: e[1].EnumerateArray().Select(s => s.GetInt64()).ToArray(), Kind: e[2].GetString()!)
            )
            .ToList();
        // a listing without a configuration is a discriminator head: a sequential under a name of its own
        var prefix = listing.TryGetProperty("network", out var net)
            ? ""
            : entries[0].Name[..(entries[0].Name.IndexOf('.', StringComparison.Ordinal) + 1)];
        using Module network =
            prefix.Length == 0
                ? GoldenTorch.Network(listing.GetProperty("model_type").GetString()!, net, random)
                : new ClassHead(entries[0].Shape[1], 8, random);

        Assert.Equal(entries.Select(e => e.Name), network.StateEntries(prefix).Select(e => e.Name));
        Assert.Equal(entries.Select(e => string.Join('x', e.Shape)), network.StateEntries().Select(e => string.Join('x', e.Value.shape)));
        var parameters = network.ParameterEntries(prefix).Select(p => p.Name).ToHashSet();
        Assert.Equal(entries.Where(e => e.Kind == "param").Select(e => e.Name).ToHashSet(), parameters);
        var facts = golden.Values.GetProperty(role);
        Assert.Equal(facts.GetProperty("parameter_count").GetInt64(), network.ParameterCount());
        Assert.Equal(facts.GetProperty("state_dict_tensors").GetInt32(), network.StateEntries().Count());
        Assert.Equal(facts.GetProperty("buffers").GetInt32(), network.StateEntries().Count() - parameters.Count);
    }
}
