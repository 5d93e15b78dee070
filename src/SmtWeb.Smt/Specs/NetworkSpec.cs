using System.Text.Json.Serialization;
using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>Architecture. <c>kind</c> names the member in JSON.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(DdpmPpSpec), "ddpmpp")]
[JsonDerivedType(typeof(AdmSpec), "adm")]
[JsonDerivedType(typeof(MlpSpec), "mlp")]
public abstract record NetworkSpec;

/// <summary>Settings that the two U-Nets share.</summary>
public abstract record UNetSpec : NetworkSpec
{
    /// <summary>Base channels C.</summary>
    [Setting("Base channels", "Channels of the highest resolution before the multipliers.", Min = 4, Max = 1024)]
    public int ModelChannels { get; init; }

    /// <summary>Channel multiplier of each level, highest resolution first.</summary>
    [Setting("Channel multipliers", "One multiplier per level, highest resolution first.", Min = 1, Max = 8)]
    public IReadOnlyList<int> ChannelMultipliers { get; init; } = [];

    /// <summary>Channels of the embedding, in units of the base channels (4 in EDM).</summary>
    [Setting(
        "Embedding multiplier",
        "Channels of the embedding of noise level, class and α, in units of the base channels (4 in EDM).",
        Min = 1,
        Max = 16
    )]
    public int EmbeddingMultiplier { get; init; } = 4;

    /// <summary>Residual blocks per level.</summary>
    [Setting("Blocks per level", "Residual blocks per level of the encoder.", Min = 1, Max = 16)]
    public int BlocksPerLevel { get; init; }

    /// <summary>Resolutions (after patching) with self-attention in the encoder and decoder blocks.</summary>
    [Setting("Attention resolutions", "Resolutions with self-attention, e.g. 16; the middle block always has it.", Min = 0, Max = 8)]
    public IReadOnlyList<int> AttentionResolutions { get; init; } = [];

    /// <summary>Side of the pixel patches that become channels (1 = none).</summary>
    [Setting("Patch", "Pixels are grouped into p×p patches before the network and unfolded after it; 1 = none.", Min = 1, Max = 8)]
    public int Patch { get; init; } = 1;

    /// <summary>
    /// Dropout probability of the score network (0.13 for CIFAR-10 from scratch, Table 3; EDM trains ImageNet-64 with 0.10).
    /// </summary>
    [Setting("Score dropout", "Dropout of the score network (Table 3: 0.13 for CIFAR-10 from scratch).", Min = 0, Max = 0.9)]
    public double ScoreDropout { get; init; }

    /// <summary>How α enters the score network.</summary>
    [Setting(
        "α embedding",
        "Paper: Fourier features, scale 16, mixed by a linear layer (Sec. 3.4). The released code has a form of its own for each data set."
    )]
    public AlphaEmbedding AlphaEmbedding { get; init; } = AlphaEmbedding.Paper;
}

/// <summary>DDPM++ U-Net (Song et al. 2021, EDM's SongUNet) under EDM preconditioning; the defaults are a small one.</summary>
[Choice("DDPM++ U-Net", "Convolutional U-Net of Song et al. 2021 under EDM preconditioning; for images.")]
public sealed record DdpmPpSpec : UNetSpec
{
    /// <summary>A small network.</summary>
    public DdpmPpSpec() => (ModelChannels, ChannelMultipliers, BlocksPerLevel) = (32, [1, 2, 2], 1);
}

/// <summary>
/// ADM U-Net (Dhariwal and Nichol 2021, EDM's DhariwalUNet) under EDM preconditioning; the defaults are those of ImageNet 64×64.
/// </summary>
[Choice(
    "ADM U-Net",
    "U-Net of Dhariwal and Nichol 2021 under EDM preconditioning: attention in heads, the embedding scales and shifts; for images."
)]
public sealed record AdmSpec : UNetSpec
{
    /// <summary>EDM's network of 295,899,267 parameters for ImageNet 64×64.</summary>
    public AdmSpec() => (ModelChannels, ChannelMultipliers, BlocksPerLevel, AttentionResolutions) = (192, [1, 2, 3, 4], 3, [32, 16, 8]);

    /// <summary>Channels of an attention head; blocks of fewer channels have no attention.</summary>
    [Setting("Channels per head", "Channels of an attention head (64); blocks of fewer channels have no attention.", Min = 4, Max = 1024)]
    public int ChannelsPerHead { get; init; } = 64;
}

/// <summary>Multi-layer perceptron for 2-D data (App. E.2).</summary>
[Choice("MLP", "Multi-layer perceptron of App. E.2; for two-dimensional data.")]
public sealed record MlpSpec : NetworkSpec
{
    /// <summary>Hidden width (128 in App. E.2).</summary>
    [Setting("Hidden width", "Units per hidden layer (128 in App. E.2).", Min = 4, Max = 4096)]
    public int HiddenWidth { get; init; } = 128;

    /// <summary>Hidden layers (two in App. E.2).</summary>
    [Setting("Hidden layers", "Hidden layers (2 in App. E.2).", Min = 1, Max = 8)]
    public int HiddenLayers { get; init; } = 2;

    /// <summary>Hidden width of the score network or discriminator; 0 = as the generator. App. E.2 gives the generator's alone.</summary>
    [Setting(
        "Score hidden width",
        "Units per hidden layer of the score network or discriminator; 0 = as the generator.",
        Min = 0,
        Max = 4096
    )]
    public int ScoreHiddenWidth { get; init; }

    /// <summary>Hidden layers of the score network or discriminator; 0 = as the generator.</summary>
    [Setting("Score hidden layers", "Hidden layers of the score network or discriminator; 0 = as the generator.", Min = 0, Max = 8)]
    public int ScoreHiddenLayers { get; init; }

    /// <summary>Width and hidden layers of the score network.</summary>
    internal (int Width, int Layers) ScoreSize() =>
        (ScoreHiddenWidth > 0 ? ScoreHiddenWidth : HiddenWidth, ScoreHiddenLayers > 0 ? ScoreHiddenLayers : HiddenLayers);

    /// <summary>Whether the score network is as large as the generator, so that either can start from the other's weights.</summary>
    internal bool SameSize() => ScoreSize() == (HiddenWidth, HiddenLayers);
}

/// <summary>How α enters the amortized score network.</summary>
public enum AlphaEmbedding
{
    /// <summary>Sec. 3.4: Fourier features of scale 16, c_out = silu(W_aux c_aux + W_α c_α).</summary>
    [Choice("Paper", "Fourier features of scale 16, mixed by a linear layer (Sec. 3.4).")]
    Paper,

    /// <summary>Released CIFAR-10 code: positional embedding of α - 1/2, concatenated before the first mapping layer.</summary>
    [Choice("Released CIFAR-10 code", "Positional embedding of α - 1/2, concatenated before the first mapping layer.")]
    ReleasedPositional,

    /// <summary>
    /// Released ImageNet code: Fourier features (scale 16) of α - 1/2, added to the finished embedding before one more silu; no weights.
    /// </summary>
    [Choice(
        "Released ImageNet code",
        "Fourier features (scale 16) of α - 1/2, added to the finished embedding; without weights of its own."
    )]
    ReleasedFourier,
}
