using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Networks;

/// <summary>Settings that both U-Nets have; the defaults of each are those of its published configuration.</summary>
public abstract record UNetOptions
{
    /// <summary>Side of the images.</summary>
    public required int Resolution { get; init; }

    /// <summary>Channels of the images.</summary>
    public required int ImageChannels { get; init; }

    /// <summary>Number of classes; 0 = unconditional.</summary>
    public int Classes { get; init; }

    /// <summary>Length of EDM's augmentation label; 0 = none.</summary>
    public int AugmentDimensions { get; init; }

    /// <summary>Base channels C.</summary>
    public int ModelChannels { get; init; }

    /// <summary>Multipliers of C, highest resolution first.</summary>
    public IReadOnlyList<int> ChannelMultipliers { get; init; } = [];

    /// <summary>Channels of the embedding, in units of C.</summary>
    public int EmbeddingMultiplier { get; init; } = 4;

    /// <summary>Residual blocks per level of the encoder.</summary>
    public int BlocksPerLevel { get; init; }

    /// <summary>Resolutions with attention; the middle block always has it.</summary>
    public IReadOnlyList<int> AttentionResolutions { get; init; } = [];

    /// <summary>Dropout probability.</summary>
    public double Dropout { get; init; }

    /// <summary>Side of the patches that become channels.</summary>
    public int Patch { get; init; } = 1;

    /// <summary>How α enters; null = the network takes no α.</summary>
    public AlphaEmbedding? Alpha { get; init; }

    /// <summary>Number format of the body; embeddings, weights and outputs are float32.</summary>
    public ScalarType BodyType { get; init; } = ScalarType.Float32;

    /// <summary>σ_data of the preconditioning.</summary>
    public double SigmaData { get; init; } = EdmPrecond.ImageSigmaData;

    /// <summary>The network of these settings, with initial weights drawn from <paramref name="random"/>.</summary>
    internal abstract UNet Create(WeightSource random);
}

/// <summary>Settings of the DDPM++ U-Net; the defaults are EDM's for CIFAR-10.</summary>
public sealed record DdpmPlusPlusOptions : UNetOptions
{
    /// <summary>EDM's CIFAR-10 configuration.</summary>
    public DdpmPlusPlusOptions() => (ModelChannels, ChannelMultipliers, BlocksPerLevel, AttentionResolutions) = (128, [2, 2, 2], 4, [16]);

    internal override UNet Create(WeightSource random) => new DdpmPlusPlus(this, random);
}

/// <summary>Settings of the ADM U-Net; the defaults are EDM's for ImageNet 64×64.</summary>
public sealed record AdmOptions : UNetOptions
{
    /// <summary>EDM's ImageNet-64 configuration.</summary>
    public AdmOptions() => (ModelChannels, ChannelMultipliers, BlocksPerLevel, AttentionResolutions) = (192, [1, 2, 3, 4], 3, [32, 16, 8]);

    /// <summary>Channels of an attention head. A block of fewer channels has no attention, wherever it is asked for.</summary>
    public int ChannelsPerHead { get; init; } = 64;

    internal override UNet Create(WeightSource random) => new Adm(this, random);
}
