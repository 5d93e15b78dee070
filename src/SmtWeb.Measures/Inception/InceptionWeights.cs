using System.Text.RegularExpressions;

namespace SmtWeb.Measures.Inception;

/// <summary>Names and shapes of Inception's weights in the files that people have.</summary>
public static partial class InceptionWeights
{
    private const string Counter = "num_batches_tracked";

    // a convolution's tensors: ours, and what NVIDIA's files may call them
    private static readonly (string Ours, string[] Theirs)[] Parts =
    [
        ("conv.weight", ["weight", "conv_weight"]),
        ("bn.bias", ["beta", "bn_beta", "bn_bias", "bias"]),
        ("bn.running_mean", ["mean", "bn_mean", "bn_running_mean", "moving_mean"]),
        ("bn.running_var", ["var", "bn_var", "bn_running_var", "moving_variance"]),
    ];

    /// <summary>Names that the network needs, with their shapes.</summary>
    public static IEnumerable<(string Name, long[] Shape)> Needed()
    {
        foreach (var layer in InceptionLayout.Convolutions)
        {
            yield return ($"{layer.Name}.conv.weight", layer.Shape);
            foreach (var part in new[] { "weight", "bias", "running_mean", "running_var" })
            {
                yield return ($"{layer.Name}.bn.{part}", [layer.Outputs]);
            }
        }
        yield return ("fc.weight", [InceptionLayout.Classes, InceptionLayout.Features]);
        yield return ("fc.bias", [InceptionLayout.Classes]);
    }

    /// <summary>Throws unless the weights are exactly those of the network (batch counters may be there or not).</summary>
    /// <exception cref="InvalidDataException">Names the first tensors that are missing, superfluous or misshapen.</exception>
    internal static void Check(IReadOnlyDictionary<string, Tensor> weights)
    {
        var problems = new List<string>();
        var needed = Needed().ToDictionary(n => n.Name, n => n.Shape);
        foreach (var (name, shape) in needed)
        {
            if (!weights.TryGetValue(name, out var tensor))
            {
                problems.Add($"{name} is missing");
            }
            else if (!tensor.shape.AsSpan().SequenceEqual(shape))
            {
                problems.Add($"{name} has shape [{string.Join(',', tensor.shape)}], not [{string.Join(',', shape)}]");
            }
        }
        problems.AddRange(
            weights
                .Keys.Where(k => !needed.ContainsKey(k) && !k.EndsWith(Counter, StringComparison.Ordinal))
                .Select(k => $"{k} is not in the network")
        );
        if (problems.Count > 0)
        {
            throw new InvalidDataException(
                "These are not the weights of the FID Inception network of 2015-12-05: "
                    + $"{string.Join("; ", problems.Take(5))}{(problems.Count > 5 ? $"; and {problems.Count - 5} more" : "")}."
            );
        }
    }

    /// <summary>
    /// Maps the names of a file to those of the network: torch-fidelity's and pytorch-fid's are already so, NVIDIA's follow
    /// the TensorFlow graph (<c>layers.mixed_9.tower.mixed.conv_1.weight</c>) and have no γ, which is 1.
    /// </summary>
    /// <returns>For each name that the network needs, the name in the file; null stands for ones.</returns>
    /// <exception cref="InvalidDataException">The names are of neither kind.</exception>
    public static IReadOnlyDictionary<string, string?> MapNames(IReadOnlyCollection<string> names)
    {
        var present = names.ToHashSet(StringComparer.Ordinal);
        if (present.Contains("Conv2d_1a_3x3.conv.weight"))
        {
            return names.Where(n => !n.EndsWith(Counter, StringComparison.Ordinal)).ToDictionary(n => n, n => (string?)n);
        }

        // Dots and underscores are used either way; NVIDIA's wrapper adds a prefix.
        var plain = names.ToDictionary(n => Prefix().Replace(n.Replace('.', '_'), ""), n => n);
        var map = new Dictionary<string, string?>();
        foreach (var layer in InceptionLayout.Convolutions)
        {
            foreach (var (ours, theirs) in Parts)
            {
                map[$"{layer.Name}.{ours}"] =
                    Find($"{layer.GraphName.Replace('.', '_')}_", theirs) ?? throw Unknown($"{layer.GraphName}.{theirs[0]}");
            }
            map[$"{layer.Name}.bn.weight"] = Find($"{layer.GraphName.Replace('.', '_')}_", ["gamma", "bn_weight", "bn_gamma"]);
        }
        map["fc.weight"] = Find("output_", ["weight"]) ?? throw Unknown("output.weight");
        map["fc.bias"] = Find("output_", ["bias"]) ?? throw Unknown("output.bias");
        return map;

        string? Find(string start, string[] ends) =>
            ends.Select(end => plain.GetValueOrDefault(start + end)).FirstOrDefault(n => n is not null);

        InvalidDataException Unknown(string wanted) =>
            new(
                "The file holds no FID Inception network that SmtWeb knows: neither Conv2d_1a_3x3.conv.weight (torch-fidelity, "
                    + $"pytorch-fid) nor layers.{wanted} (NVIDIA) is in it. It has {names.Count} tensors: {string.Join(", ", names.Take(4))}, "
                    + "…."
            );
    }

    [GeneratedRegex("^(model_|net_|detector_|inception_)?(layers_)?")]
    private static partial Regex Prefix();
}
