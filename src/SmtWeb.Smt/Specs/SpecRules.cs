using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>Rules between settings. Each error sits at the setting that is easiest to change and says how.</summary>
internal static partial class SpecRules
{
    public static IEnumerable<SpecError> Check(TrainingSpec spec) =>
        [.. CheckNetworkFitsData(spec), .. CheckNetwork(spec), .. CheckMethod(spec), .. CheckOptimisation(spec)];

    private static IEnumerable<SpecError> CheckNetworkFitsData(TrainingSpec spec)
    {
        if (spec is { Data: SwissRollSpec, Network: not MlpSpec })
        {
            yield return new SpecError(
                "$.network.kind",
                "The Swiss roll is two-dimensional and needs the network \"mlp\" (or choose image data)."
            );
        }
        if (spec is { Data: FashionMnistSpec, Network: not UNetSpec })
        {
            yield return new SpecError(
                "$.network.kind",
                "Fashion-MNIST is made of images and needs the network \"ddpmpp\" or \"adm\" (or choose the data \"swissRoll\")."
            );
        }
    }

    private static IEnumerable<SpecError> CheckNetwork(TrainingSpec spec)
    {
        var side = DataShape.Of(spec.Data).Side;
        if (spec.Network is not UNetSpec unet || side == 0)
        {
            yield break;
        }

        if (side % unet.Patch != 0)
        {
            yield return new SpecError(
                "$.network.patch",
                $"Patch is {unet.Patch}, which does not divide the image side {side}; use 1, 2, 4 or 8."
            );
            yield break;
        }

        var top = side / unet.Patch;
        var levels = unet.ChannelMultipliers.Count;
        if (top % (1 << (levels - 1)) != 0)
        {
            yield return new SpecError(
                "$.network.channelMultipliers",
                $"Channel multipliers has {levels} levels, but {top}x{top} (after patching) can be halved only "
                    + $"{int.TrailingZeroCount(top)} times; use at most {int.TrailingZeroCount(top) + 1}."
            );
            yield break;
        }

        var resolutions = Enumerable.Range(0, levels).Select(level => top >> level).ToList();
        for (var i = 0; i < unet.AttentionResolutions.Count; i++)
        {
            if (!resolutions.Contains(unet.AttentionResolutions[i]))
            {
                yield return new SpecError(
                    $"$.network.attentionResolutions[{i}]",
                    $"Attention resolutions: {unet.AttentionResolutions[i]} is none of this network's resolutions; use "
                        + $"{string.Join(", ", resolutions)} or leave it out."
                );
            }
        }

        if (unet.ModelChannels % 2 != 0)
        {
            yield return new SpecError(
                "$.network.modelChannels",
                $"Base channels is {unet.ModelChannels}; the noise embedding is half sines, half cosines and needs an even number."
            );
        }
        if (GroupNormMisfit(unet) is { } channels)
        {
            yield return new SpecError(
                "$.network.modelChannels",
                $"Base channels {unet.ModelChannels} with multipliers {string.Join(", ", unet.ChannelMultipliers)} makes a layer of "
                    + $"{channels} channels, "
                    + $"which group normalisation cannot split into {Groups(channels)} groups; use a multiple of 4 (of 32 for wide "
                    + "networks)."
            );
        }
        if (unet is AdmSpec adm && HeadMisfit(adm) is { } width)
        {
            yield return new SpecError(
                "$.network.channelsPerHead",
                $"Channels per head is {adm.ChannelsPerHead}: a block of {width} channels would get {width / adm.ChannelsPerHead} "
                    + $"heads, which do not divide it; use a divisor of {width}."
            );
        }
    }

    /// <summary>First width that its whole number of attention heads does not divide.</summary>
    private static int? HeadMisfit(AdmSpec adm) =>
        adm
            .ChannelMultipliers.Select(m => m * adm.ModelChannels)
            .Where(c => c >= adm.ChannelsPerHead && c % (c / adm.ChannelsPerHead) != 0)
            .Select(c => (int?)c)
            .FirstOrDefault();

    /// <summary>Group count of EDM's GroupNorm: at most 32 groups of at least 4 channels.</summary>
    private static int Groups(int channels) => Math.Min(32, channels / 4);

    /// <summary>
    /// First channel count of the U-Net that its group count does not divide; the decoder's blocks also see the skip's channels.
    /// </summary>
    private static int? GroupNormMisfit(UNetSpec unet)
    {
        var width = unet.ChannelMultipliers.Select(m => m * unet.ModelChannels).ToList();
        var stem = unet is AdmSpec ? width[0] : unet.ModelChannels;
        var seen = new List<int> { stem };
        var skips = new Stack<int>([stem]);
        for (var level = 0; level < width.Count; level++)
        {
            if (level > 0)
            {
                skips.Push(width[level - 1]);
            }
            for (var block = 0; block < unet.BlocksPerLevel; block++)
            {
                skips.Push(width[level]);
            }
        }

        var channels = width[^1];
        for (var level = width.Count - 1; level >= 0; level--)
        {
            for (var block = 0; block <= unet.BlocksPerLevel; block++)
            {
                seen.Add(channels + skips.Pop());
                channels = width[level];
            }
        }

        return seen.Concat(width).Where(c => Groups(c) == 0 || c % Groups(c) != 0).Select(c => (int?)c).FirstOrDefault();
    }

    private static IEnumerable<SpecError> CheckOptimisation(TrainingSpec spec)
    {
        var o = spec.Optimisation;
        if (o.RampIterations > o.Iterations)
        {
            yield return new SpecError(
                "$.optimisation.rampIterations",
                $"Rate ramp is {o.RampIterations}, longer than the {o.Iterations} iterations: the rates would never be reached; shorten it."
            );
        }
        for (var i = 0; i < o.EmaHalfLives.Count; i++)
        {
            if (o.EmaHalfLives.Take(i).Contains(o.EmaHalfLives[i]))
            {
                yield return new SpecError(
                    $"$.optimisation.emaHalfLives[{i}]",
                    $"Further EMA half-lives: {o.EmaHalfLives[i]} appears twice; keep one."
                );
            }
        }
        if (o.EmaHalfLives.Count > 0 && o.EmaDecay == 0)
        {
            yield return new SpecError(
                "$.optimisation.emaDecay",
                "EMA decay is 0 (no average), but there are further EMA half-lives; set a decay, or clear the list."
            );
        }
        if (o.BatchSize % spec.Hardware.Devices != 0)
        {
            yield return new SpecError(
                "$.hardware.devices",
                $"Devices is {spec.Hardware.Devices}, which does not divide the batch size {o.BatchSize}; choose a divisor, or another "
                    + "batch size."
            );
        }
        if (spec.Evaluation.GridColumns > spec.Evaluation.Samples)
        {
            yield return new SpecError(
                "$.evaluation.gridColumns",
                $"Grid columns is {spec.Evaluation.GridColumns}, more than the {spec.Evaluation.Samples} samples of an evaluation."
            );
        }
    }
}
