using System.Text.Json;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Weights;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Golden;

/// <summary>Golden cases as tensors and networks.</summary>
internal static class GoldenTorch
{
    internal static Tensor ToTensor(this GoldenTensor t) =>
        TensorFile.ToTensor(new SafetensorsEntry(t.Name, t.Type, t.Shape, 0, t.Bytes.Length), t.Bytes, Device.Cpu);

    internal static Tensor? Optional(this GoldenCase golden, string name) => golden.HasInput(name) ? golden.Input(name).ToTensor() : null;

    internal static Tensor Tensor(this GoldenCase golden, string name) => golden.Input(name).ToTensor();

    internal static void Verify(this GoldenCase golden, string name, Tensor actual)
    {
        using var scope = torch.NewDisposeScope();
        golden.Expect(name).Verify(actual.detach().to(ScalarType.Float64).reshape(-1).ToArray<double>());
    }

    internal static Dictionary<string, Tensor> WeightTensors(this GoldenCase golden, string prefix = "") =>
        golden.Weights().Where(w => w.Name.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(w => w.Name[prefix.Length..], ToTensor);

    internal static int Int(this JsonElement e, string name, int otherwise = 0) =>
        e.TryGetProperty(name, out var v) && v.ValueKind == JsonValueKind.Number ? v.GetInt32() : otherwise;

    internal static double Double(this JsonElement e, string name, double otherwise) =>
        e.TryGetProperty(name, out var v) && v.ValueKind == JsonValueKind.Number ? v.GetDouble() : otherwise;

    internal static bool Flag(this JsonElement e, string name, bool otherwise = false) =>
        e.TryGetProperty(name, out var v) ? v.GetBoolean() : otherwise;

    internal static int[]? Ints(this JsonElement e, string name) =>
        e.TryGetProperty(name, out var v) ? [.. v.EnumerateArray().Select(x => x.GetInt32())] : null;

    /// <summary>A DDPM++ denoiser of a reference configuration; other architectures skip the test.</summary>
    internal static ImageDenoiser Network(string type, JsonElement net, Generator random)
    {
        if (type is not ("SongUNet" or "SkewedSongUNet")) Assert.Skip($"{type} (ADM) is not part of the networks yet.");
        var options = new DdpmPlusPlusOptions
        {
            Resolution = net.Int("img_resolution"),
            ImageChannels = net.Int("img_channels"),
            Classes = net.Int("label_dim"),
            AugmentDimensions = net.Int("augment_dim"),
            Alpha = type == "SkewedSongUNet" ? AlphaEmbedding.ReleasedPositional : null,
        };
        return new ImageDenoiser(
            options with
            {
                ModelChannels = net.Int("model_channels", options.ModelChannels),
                ChannelMultipliers = net.Ints("channel_mult") ?? options.ChannelMultipliers,
                BlocksPerLevel = net.Int("num_blocks", options.BlocksPerLevel),
                AttentionResolutions = net.Ints("attn_resolutions") ?? options.AttentionResolutions,
                Dropout = net.Double("dropout", 0.1),
            },
            random);
    }
}
