using SmtWeb.Data.Formats;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Networks;

/// <summary>Networks of a spec. Weights and buffers live on the device of the given generator.</summary>
public static class NetworkFactory
{
    /// <summary>g_θ: a denoiser without α, called at the largest noise level.</summary>
    public static Denoiser CreateGenerator(TrainingSpec spec, WeightSource random) => Create(spec, Role.Generator, random);

    /// <summary>f_ψ with its discriminator head.</summary>
    public static AmortizedScore CreateScore(TrainingSpec spec, WeightSource random)
    {
        var denoiser = Create(spec, Role.AmortizedScore, random);
        return new AmortizedScore(denoiser, Head(denoiser, random));
    }

    /// <summary>f_fake of distillation with its log-density-ratio head; a discriminator to the GAN baselines.</summary>
    public static FakeScore CreateFakeScore(TrainingSpec spec, WeightSource random)
    {
        var denoiser = Create(spec, Role.FakeScore, random);
        return new FakeScore(denoiser, Head(denoiser, random));
    }

    private static DiscriminatorHead Head(Denoiser denoiser, WeightSource random) =>
        denoiser switch
        {
            ImageDenoiser image => new ClassHead(image.Model.BottleneckChannels, image.Model.BottleneckSide, random),
            _ => new MlpHead(denoiser.BottleneckShape[0], random),
        };

    // what a network is for; an α is read by the amortized score alone
    private enum Role
    {
        Generator,
        FakeScore,
        AmortizedScore,
    }

    private static Denoiser Create(TrainingSpec spec, Role role, WeightSource random) =>
        spec.Network switch
        {
            MlpSpec mlp when role == Role.Generator => new MlpDenoiser(mlp.HiddenWidth, mlp.HiddenLayers, amortized: false, random),
            MlpSpec mlp => new MlpDenoiser(mlp.ScoreSize().Width, mlp.ScoreSize().Layers, role == Role.AmortizedScore, random),
            UNetSpec unet => new ImageDenoiser(Options(spec, unet, role == Role.AmortizedScore), random),
            _ => throw new ArgumentOutOfRangeException(nameof(spec), spec.Network, "unknown network"),
        };

    private static UNetOptions Options(TrainingSpec spec, UNetSpec unet, bool amortized)
    {
        var shape = DataShape.Of(spec.Data);
        UNetOptions architecture = unet switch
        {
            DdpmPpSpec => new DdpmPlusPlusOptions { Resolution = shape.Side, ImageChannels = shape.Channels },
            AdmSpec adm => new AdmOptions
            {
                Resolution = shape.Side,
                ImageChannels = shape.Channels,
                ChannelsPerHead = adm.ChannelsPerHead,
            },
            _ => throw new ArgumentOutOfRangeException(nameof(unet), unet, "unknown network"),
        };
        return architecture with
        {
            Classes = shape.Classes,
            ModelChannels = unet.ModelChannels,
            ChannelMultipliers = unet.ChannelMultipliers,
            EmbeddingMultiplier = unet.EmbeddingMultiplier,
            BlocksPerLevel = unet.BlocksPerLevel,
            AttentionResolutions = unet.AttentionResolutions,
            Patch = unet.Patch,
            // what denoises real data learns with dropout: the score network, and a diffusion model
            Dropout = amortized || spec.Method is DiffusionSpec ? unet.ScoreDropout : 0,
            Alpha = amortized ? unet.AlphaEmbedding : null,
            BodyType = spec.Hardware.Precision == Precision.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32,
        };
    }
}
