using SmtWeb.Smt.Networks;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>Networks and their parts against numbers of the reference code, forward and backward.</summary>
[Trait("Category", "Golden")]
public sealed class NetworkTests : TensorTest
{
    public static TheoryData<string> EdmPrecond => GoldenCase.OfKind("edm_precond");

    public static TheoryData<string> SkewedEdmPrecond => GoldenCase.OfKind("skewed_edm_precond");

    public static TheoryData<string> Blocks => GoldenCase.OfKind("unet_block");

    public static TheoryData<string> EmbeddingCases => GoldenCase.OfKind("embeddings");

    public static TheoryData<string> Heads => GoldenCase.OfKind("cls_head");

    [Theory, MemberData(nameof(EdmPrecond)), MemberData(nameof(SkewedEdmPrecond))]
    public void Denoiser_ReferenceWeights_GivesReferenceNumbers(string id)
    {
        var golden = GoldenCase.Load(id);
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(0, torch.CPU);
        using var network = GoldenTorch.Network(
            golden.Config.GetProperty("model_type").GetString()!,
            golden.Config.GetProperty("network"),
            random
        );
        network.eval();
        golden.LoadWeights(network);
        using var flat = new FlatParameters(("", network));

        var (x, σ, α, labels) = (golden.Tensor("x"), golden.Tensor("sigma"), golden.Optional("alpha"), golden.Labels(network.Classes));
        var (c_skip, c_out, c_in, c_noise) = Networks.EdmPrecond.Coefficients(σ, network.SigmaData);
        golden.Verify("c_skip", c_skip);
        golden.Verify("c_out", c_out);
        golden.Verify("c_in", c_in);
        golden.Verify("c_noise", c_noise);

        x.requires_grad = true;
        Tensor D = null!;
        golden.VerifyTrace(network, () => D = network.forward(x, σ, α, labels));
        golden.Verify("D", D);
        golden.Verify("F", network.Raw(Networks.EdmPrecond.Like(c_in, x) * x, c_noise, α, labels, null));

        var loss = (D * golden.Tensor("cotangent")).sum();
        golden.Verify("loss", loss);
        loss.backward();
        golden.Verify("grad_x", x.grad!);
        var gradients = flat.Views(flat.Gradients).ToDictionary(v => v.Name, v => v.View);
        golden
            .Expect("grad_norms")
            .Verify([
                .. golden
                    .Config.GetProperty("param_names")
                    .EnumerateArray()
                    .Select(n => gradients[n.GetString()!].to(ScalarType.Float64).norm().ToDouble()),
            ]);
        foreach (var name in golden.ExpectedNames.Where(n => n.StartsWith("grad.", StringComparison.Ordinal)))
        {
            golden.Verify(name, gradients[name["grad.".Length..]]);
        }

        x.grad = null;
        var bottleneck = network.Bottleneck(x, σ, α, labels);
        golden.Verify("bottleneck", bottleneck);
        (bottleneck * golden.Tensor("cotangent_bottleneck")).sum().backward();
        golden.Verify("bottleneck_grad_x", x.grad!);
        if (golden.Expects("D_augment"))
        {
            golden.Verify("D_augment", network.forward(x, σ, α, labels, golden.Tensor("augment_labels")));
        }
        if (golden.Expects("D_nolabel"))
        {
            golden.Verify("D_nolabel", network.forward(x, σ, α, null));
        }
    }

    [Theory, MemberData(nameof(Blocks))]
    public void UNetBlock_ReferenceWeights_GivesReferenceNumbers(string id)
    {
        var golden = GoldenCase.Load(id);
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(0, torch.CPU);
        var block = golden.Config.GetProperty("block");
        var options = new UNetBlockOptions
        {
            EmbeddingChannels = block.Int("emb_channels"),
            Resample =
                block.Flag("up") ? Resample.Up
                : block.Flag("down") ? Resample.Down
                : Resample.None,
            Heads = golden.Config.Int("num_heads_used"),
            // what a block of the reference does unless told otherwise is ADM's
            AdaptiveScale = block.Flag("adaptive_scale", true),
            ResampleProjection = block.Flag("resample_proj"),
            SkipScale = block.Double("skip_scale", 1),
            Eps = block.Double("eps", 1e-5),
        };
        using var network = new UNetBlock(block.Int("in_channels"), block.Int("out_channels"), options, random).Evaluating();
        network.LoadValues(golden.WeightTensors());
        Assert.Equal(golden.Weights().Select(w => w.Name), network.StateEntries().Select(e => e.Name));

        var (x, e) = (golden.Tensor("x"), golden.Tensor("emb"));
        x.requires_grad = e.requires_grad = true;
        var y = network.forward(x, e);
        golden.Verify("y", y);
        (y * golden.Tensor("cotangent")).sum().backward();
        golden.Verify("grad_x", x.grad!);
        golden.Verify("grad_emb", e.grad!);
        foreach (var (name, p) in network.ParameterEntries())
        {
            golden.Verify($"grad.{name}", p.grad!);
        }
    }

    [Theory, MemberData(nameof(EmbeddingCases))]
    public void Embeddings_ReferenceInputs_GiveReferenceNumbers(string id)
    {
        var golden = GoldenCase.Load(id);
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(0, torch.CPU);
        var t = golden.Tensor("t");
        foreach (var form in golden.Config.GetProperty("positional").EnumerateObject())
        {
            using var positional = new PositionalEmbedding(form.Value.Int("num_channels"), form.Value.Flag("endpoint"), torch.CPU);
            golden.Verify($"pos.{form.Name}", positional.forward(t));
        }
        var fourier = golden.Config.GetProperty("fourier");
        using var embedding = new FourierEmbedding(fourier.Int("num_channels"), random, fourier.Double("scale", 16));
        embedding.LoadValues(new Dictionary<string, Tensor> { ["freqs"] = golden.Tensor("freqs") });
        golden.Verify("fourier", embedding.forward(t));
    }

    [Theory, MemberData(nameof(Heads))]
    public void ClassHead_ReferenceWeights_GivesReferenceNumbers(string id)
    {
        var golden = GoldenCase.Load(id);
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(0, torch.CPU);
        var feature = golden.Tensor("feature");
        using var head = new ClassHead(golden.Config.Int("channels"), (int)feature.size(2), random, golden.Config.Int("groups"));
        head.LoadValues(golden.WeightTensors());
        feature.requires_grad = true;
        var logits = head.forward(feature);
        golden.Verify("logits", logits);
        (logits * golden.Tensor("cotangent").reshape(-1)).sum().backward();
        golden.Verify("grad_feature", feature.grad!);
        foreach (var (name, p) in head.ParameterEntries())
        {
            // tensors of 5000 elements or more are stored as their norm
            var g = p.grad!;
            golden.Verify($"grad.{name}", golden.Expect($"grad.{name}").Tensor.Count == g.numel() ? g : g.norm());
        }
    }
}
