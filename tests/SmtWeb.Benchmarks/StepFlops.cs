using System.Globalization;
using System.Text.RegularExpressions;
using SmtWeb.Smt.Methods.Smt;
using SmtWeb.Smt.Networks;
using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Benchmarks;

/// <summary>
/// Multiplications and additions of one training iteration, per real image, counted from the shapes of the weights.
/// Convolutions and linear layers only: norms, activations, losses and the optimizer are time but no FLOP here. A convolution that
/// doubles counts as what it needs, not as what it would take on doubled images (ADR 18).
/// </summary>
internal static partial class StepFlops
{
    public static double PerImage(TrainingSpec spec)
    {
        var network = (DdpmPpSpec)spec.Network;
        var method = (SmtSpec)spec.Method;
        using var scope = torch.NewDisposeScope();
        using var random = new Generator(1, torch.CPU);
        var options = new DdpmPlusPlusOptions
        {
            Resolution = 32,
            ImageChannels = 1,
            Classes = 10,
            ModelChannels = network.ModelChannels,
            ChannelMultipliers = network.ChannelMultipliers,
            BlocksPerLevel = network.BlocksPerLevel,
            AttentionResolutions = network.AttentionResolutions,
            Patch = network.Patch,
        };
        using var generator = new ImageDenoiser(options, random);
        using var score = new ImageDenoiser(options with { Alpha = network.AlphaEmbedding }, random);
        var (g, f) = (Forward(generator, _ => true), Forward(score, _ => true));
        var encoder = Forward(score, name => !name.Contains(".dec.", StringComparison.Ordinal));

        // a backward pass costs twice the forward pass: gradients of the inputs and of the weights
        var rows = RowsOf(method.ScoreAlpha);
        var scoreStep = rows * 3 * f + 2 * 3 * encoder; // denoising rows; discriminator on a real and a fake image
        var generatorStep = 2 * g + 3 * f + 2 * encoder; // backward of g; f_0, f_α, f_1; GAN term, down to the input only
        return g + scoreStep + generatorStep / method.ScoreUpdatesPerGeneratorUpdate;
    }

    /// <summary>FLOP of one forward pass per image. The name of a layer holds the resolution of its output.</summary>
    private static double Forward(Module network, Func<string, bool> counts) =>
        network
            .ParameterEntries()
            .Where(p => p.Parameter.dim() >= 2 && counts(p.Name))
            .Sum(p => 2.0 * p.Parameter.numel() * (p.Parameter.dim() == 4 ? Pixels(p.Name) * Needed(p.Name) : 1));

    // 2x2 weights a phase instead of 3x3; single pixels before they are doubled
    private static double Needed(string name) =>
        !name.Contains("_up.", StringComparison.Ordinal) ? 1
        : name.Contains(".conv0.", StringComparison.Ordinal) ? 4.0 / 9
        : name.Contains(".skip.", StringComparison.Ordinal) ? 1.0 / 4
        : 1;

    private static double Pixels(string name)
    {
        var side = double.Parse(Resolution().Match(name).Groups[1].Value, CultureInfo.InvariantCulture);
        return side * side;
    }

    // Real rows with α = 0 and fake rows with α = 1 have no weight and are not computed.
    private static double RowsOf(AlphaSampler sampler)
    {
        var α = AlphaDistribution.Of(sampler);
        return 2 - α.Support.Zip(α.Probability).Where(p => p.First is 0f or 1f).Sum(p => p.Second);
    }

    [GeneratedRegex(@"(\d+)x\1_")]
    private static partial Regex Resolution();
}
