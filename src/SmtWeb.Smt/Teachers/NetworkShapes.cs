using System.Text.RegularExpressions;
using SmtWeb.Data.Weights;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Teachers;

/// <summary>
/// The architecture of a U-Net, read off the names and shapes of its tensors (those of EDM's networks). What leaves no
/// trace there is taken to be EDM's default; a strict comparison with our network follows in any case.
/// </summary>
internal sealed partial class NetworkShapes
{
    private const int MaxSide = 1024,
        MaxChannels = 4096,
        MaxLevels = 8,
        MaxClasses = 100_000;

    private NetworkShapes() { }

    public required UNetSpec Network { get; init; }

    public required int Resolution { get; init; }

    public required int Channels { get; init; }

    public required int Classes { get; init; }

    /// <summary>Length of the augmentation label; 0 = none.</summary>
    public required int Augment { get; init; }

    /// <summary>The architecture of these tensors.</summary>
    /// <exception cref="WeightsException">They are not those of a U-Net of EDM.</exception>
    public static NetworkShapes Read(IReadOnlyList<WeightTensor> tensors)
    {
        var shapes = tensors.ToDictionary(t => t.Name, t => t.Shape, StringComparer.Ordinal);
        var levels = tensors
            .Select(t => EncoderName().Match(t.Name))
            .Where(m => m.Success)
            .Select(m => int.Parse(m.Groups[1].Value))
            .Distinct()
            .ToList();
        if (levels.Count is 0 or > MaxLevels || levels[0] > MaxSide || !shapes.ContainsKey("model.map_layer0.weight"))
        {
            throw new WeightsException(
                "The file holds no U-Net under EDM preconditioning: its tensors are not named like model.map_layer0.weight and "
                    + "model.enc.32x32_conv.weight."
                    + $" It has {tensors.Count} tensors{(tensors.Count > 0 ? $", the first is {tensors[0].Name}" : "")}."
            );
        }

        var mapping = Sides(shapes, "model.map_layer0.weight", 2);
        var (channels, embedding) = (mapping[1], mapping[0]);
        if (channels is 0 or > MaxChannels || embedding % channels != 0 || embedding / channels is 0 or > 16)
        {
            throw new WeightsException(
                $"model.map_layer0.weight has the shape [{embedding},{channels}]; in EDM's networks the first is a small multiple of "
                    + "the second."
            );
        }

        var top = levels[0];
        var blocks = 0;
        while (shapes.ContainsKey($"model.enc.{top}x{top}_block{blocks}.conv0.weight"))
        {
            blocks++;
        }
        if (blocks == 0)
        {
            throw new WeightsException($"The file has no tensor model.enc.{top}x{top}_block0.conv0.weight.");
        }
        List<int> multipliers = [],
            attention = [];
        foreach (var side in levels)
        {
            var block = $"model.enc.{side}x{side}_block0";
            var width = Sides(shapes, $"{block}.conv0.weight", 4)[0];
            if (width % channels != 0 || width / channels is 0 or > 64)
            {
                throw new WeightsException(
                    $"{block}.conv0.weight has {width} outputs, which is no multiple of {channels}, the base channels."
                );
            }
            multipliers.Add((int)(width / channels));
            if (shapes.ContainsKey($"{block}.qkv.weight"))
            {
                attention.Add(side);
            }
        }

        var images = Sides(shapes, $"model.enc.{top}x{top}_conv.weight", 4)[1];
        var classes = shapes.ContainsKey("model.map_label.weight") ? Sides(shapes, "model.map_label.weight", 2)[1] : 0;
        var augment = shapes.ContainsKey("model.map_augment.weight") ? Sides(shapes, "model.map_augment.weight", 2)[1] : 0;
        if (images is 0 or > 64 || classes > MaxClasses || augment > 64)
        {
            throw new WeightsException(
                $"The network has {images} image channels, {classes} classes and an augmentation label of {augment}; that is no network "
                    + "of EDM."
            );
        }

        UNetSpec network = shapes.ContainsKey("model.out_conv.weight") ? new AdmSpec() : new DdpmPpSpec();
        return new NetworkShapes
        {
            Network = network with
            {
                ModelChannels = (int)channels,
                ChannelMultipliers = multipliers,
                EmbeddingMultiplier = (int)(embedding / channels),
                BlocksPerLevel = blocks,
                AttentionResolutions = attention,
            },
            Resolution = top,
            Channels = (int)images,
            Classes = (int)classes,
            Augment = (int)augment,
        };
    }

    private static IReadOnlyList<long> Sides(Dictionary<string, IReadOnlyList<long>> shapes, string name, int dimensions)
    {
        if (!shapes.TryGetValue(name, out var shape))
        {
            throw new WeightsException($"The file has no tensor {name}.");
        }
        return shape.Count == dimensions
            ? shape
            : throw new WeightsException($"{name} has the shape [{string.Join(",", shape)}]; {dimensions} dimensions are expected.");
    }

    [GeneratedRegex(@"^model\.enc\.(\d{1,4})x\1_(?:conv|down|block\d+)\.")]
    private static partial Regex EncoderName();
}
