using System.Text.Json;
using SmtWeb.Data.Weights;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Sampling;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>Golden cases as tensors and networks.</summary>
internal static class GoldenTorch
{
    internal static Tensor ToTensor(this GoldenTensor t) =>
        TensorFile.ToTensor(new SafetensorsEntry(t.Name, t.Type, t.Shape, 0, t.Bytes.Length), t.Bytes, torch.CPU);

    internal static Tensor? Optional(this GoldenCase golden, string name) => golden.HasInput(name) ? golden.Input(name).ToTensor() : null;

    /// <summary>
    /// The labels of a case, one-hot, where it has any: those of <paramref name="iteration"/> or else those of all; class numbers
    /// become rows of <paramref name="classes"/>.
    /// </summary>
    internal static Tensor? Labels(this GoldenCase golden, int classes, int? iteration = null)
    {
        var labels = (iteration is { } k ? golden.Optional($"labels{k}") : null) ?? golden.Optional("labels");
        return labels is null || labels.dim() == 2 ? labels : HostTransfer.OneHot(labels.to(ScalarType.Int64), classes);
    }

    internal static Tensor Tensor(this GoldenCase golden, string name) => golden.Input(name).ToTensor();

    internal static void Verify(this GoldenCase golden, string name, Tensor actual)
    {
        using var scope = torch.NewDisposeScope();
        golden.Expect(name).Verify(actual.detach().to(ScalarType.Float64).reshape(-1).ToArray<double>());
    }

    internal static Dictionary<string, Tensor> WeightTensors(this GoldenCase golden, string prefix = "") =>
        golden
            .Weights()
            .Where(w => w.Name.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(w => w.Name[prefix.Length..], ToTensor);

    /// <summary>σ of the steps that an input names, on the grid of the case: the released one unless it says otherwise.</summary>
    internal static Tensor Levels(this GoldenCase golden, string name)
    {
        var c = golden.Config;
        var grid = KarrasGrid.Create(
            c.Int("num_train_timesteps", KarrasGrid.Levels),
            c.Double("sigma_min", 0.002),
            c.Double("sigma_max", 80),
            c.Double("rho", 7)
        );
        var steps = golden.Input(name).Longs;
        return Tensors.Of(Array.ConvertAll(steps, k => grid[k]), [steps.Length]);
    }

    internal static int Int(this JsonElement e, string name, int otherwise = 0) =>
        e.TryGetProperty(name, out var v) && v.ValueKind == JsonValueKind.Number ? v.GetInt32() : otherwise;

    internal static double Double(this JsonElement e, string name, double otherwise) =>
        e.TryGetProperty(name, out var v) && v.ValueKind == JsonValueKind.Number ? v.GetDouble() : otherwise;

    internal static bool Flag(this JsonElement e, string name, bool otherwise = false) =>
        e.TryGetProperty(name, out var v) ? v.GetBoolean() : otherwise;

    internal static int[]? Ints(this JsonElement e, string name) =>
        e.TryGetProperty(name, out var v) ? [.. v.EnumerateArray().Select(x => x.GetInt32())] : null;

    /// <summary>A denoiser of a reference configuration; what it leaves out has the reference's default.</summary>
    internal static ImageDenoiser Network(string type, JsonElement net, Generator random, double? sigmaData = null)
    {
        var (resolution, channels) = (net.Int("img_resolution"), net.Int("img_channels"));
        UNetOptions options = type switch
        {
            "SongUNet" or "SkewedSongUNet" => new DdpmPlusPlusOptions
            {
                Resolution = resolution,
                ImageChannels = channels,
                ChannelMultipliers = [1, 2, 2, 2],
            },
            "DhariwalUNet" or "SkewedDhariwalUNet" => new AdmOptions { Resolution = resolution, ImageChannels = channels },
            _ => throw new NotSupportedException($"The reference has no network \"{type}\"."),
        };
        return new ImageDenoiser(
            options with
            {
                Classes = net.Int("label_dim"),
                AugmentDimensions = net.Int("augment_dim"),
                Alpha = type switch
                {
                    "SkewedSongUNet" => AlphaEmbedding.ReleasedPositional,
                    "SkewedDhariwalUNet" => AlphaEmbedding.ReleasedFourier,
                    _ => null,
                },
                ModelChannels = net.Int("model_channels", options.ModelChannels),
                ChannelMultipliers = net.Ints("channel_mult") ?? options.ChannelMultipliers,
                EmbeddingMultiplier = net.Int("channel_mult_emb", options.EmbeddingMultiplier),
                BlocksPerLevel = net.Int("num_blocks", options.BlocksPerLevel),
                AttentionResolutions = net.Ints("attn_resolutions") ?? options.AttentionResolutions,
                Dropout = net.Double("dropout", 0.1),
                SigmaData = net.Double("sigma_data", sigmaData ?? options.SigmaData),
            },
            random
        );
    }

    /// <summary>Fills a network with a case's weights, one tensor at a time; names, order and shapes must be the case's.</summary>
    internal static void LoadWeights(this GoldenCase golden, Module network)
    {
        using var _ = torch.no_grad();
        using var mine = network.StateEntries().GetEnumerator();
        foreach (var weight in golden.EachWeight())
        {
            using var scope = torch.NewDisposeScope();
            Assert.True(mine.MoveNext(), $"{weight.Name} is not in the network");
            Assert.Equal(weight.Name, mine.Current.Name);
            Assert.Equal(weight.Shape, mine.Current.Value.shape);
            mine.Current.Value.copy_(weight.ToTensor());
        }
        Assert.False(mine.MoveNext());
    }

    /// <summary>(mean, root mean square) of every block's output, in the case's order, while <paramref name="forward"/> runs.</summary>
    internal static void VerifyTrace(this GoldenCase golden, ImageDenoiser network, Action forward)
    {
        var trace = new Dictionary<string, double[]>();
        network.Model.Trace = (name, y) =>
        {
            using var scope = torch.NewDisposeScope();
            using var _ = torch.no_grad();
            var wide = y.to(ScalarType.Float64);
            trace[name] = [wide.mean().ToDouble(), Math.Sqrt(wide.square().mean().ToDouble())];
        };
        forward();
        network.Model.Trace = null;
        golden
            .Expect("trace")
            .Verify([.. golden.Config.GetProperty("trace_names").EnumerateArray().SelectMany(name => trace[name.GetString()!])]);
    }
}
