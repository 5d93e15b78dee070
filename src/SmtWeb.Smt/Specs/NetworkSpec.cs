using System.Text.Json.Serialization;

namespace SmtWeb.Smt.Specs;

/// <summary>Architecture. <c>kind</c> names the member in JSON.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(DdpmPpSpec), "ddpmpp")]
[JsonDerivedType(typeof(MlpSpec), "mlp")]
public abstract record NetworkSpec;

/// <summary>DDPM++ U-Net (Song et al. 2021, EDM's SongUNet) under EDM preconditioning.</summary>
[Choice("DDPM++ U-Net", "Convolutional U-Net of Song et al. 2021 under EDM preconditioning; for images.")]
public sealed record DdpmPpSpec : NetworkSpec
{
    /// <summary>Base channels C.</summary>
    [Setting("Base channels", "Channels of the highest resolution before the multipliers.", Min = 4, Max = 1024)]
    public int ModelChannels { get; init; } = 32;

    /// <summary>Channel multiplier of each level, highest resolution first.</summary>
    [Setting("Channel multipliers", "One multiplier per level, highest resolution first.", Min = 1, Max = 8)]
    public IReadOnlyList<int> ChannelMultipliers { get; init; } = [1, 2, 2];

    /// <summary>Residual blocks per level.</summary>
    [Setting("Blocks per level", "Residual blocks per level of the encoder.", Min = 1, Max = 16)]
    public int BlocksPerLevel { get; init; } = 1;

    /// <summary>Resolutions (after patching) with self-attention in the encoder and decoder blocks.</summary>
    [Setting("Attention resolutions", "Resolutions with self-attention, e.g. 16; the middle block always has it.", Min = 0, Max = 8)]
    public IReadOnlyList<int> AttentionResolutions { get; init; } = [];

    /// <summary>Side of the pixel patches that become channels (1 = none).</summary>
    [Setting("Patch", "Pixels are grouped into p×p patches before the network and unfolded after it; 1 = none.", Min = 1, Max = 8)]
    public int Patch { get; init; } = 1;

    /// <summary>Dropout probability of the score network (0.13 for CIFAR-10 from scratch, Table 3).</summary>
    [Setting("Score dropout", "Dropout of the score network (Table 3: 0.13 for CIFAR-10 from scratch).", Min = 0, Max = 0.9)]
    public double ScoreDropout { get; init; }

    /// <summary>How α enters the score network.</summary>
    [Setting("α embedding", "Paper: Fourier features, scale 16, mixed by a linear layer (Sec. 3.4). Released CIFAR-10 code: positional, concatenated.")]
    public AlphaEmbedding AlphaEmbedding { get; init; } = AlphaEmbedding.Paper;
}

/// <summary>Multi-layer perceptron for 2-D data (App. E.2).</summary>
[Choice("MLP", "Multi-layer perceptron of App. E.2; for two-dimensional data.")]
public sealed record MlpSpec : NetworkSpec
{
    /// <summary>Hidden width (128 in App. E.2).</summary>
    [Setting("Hidden width", "Units per hidden layer (128 in App. E.2).", Min = 4, Max = 4096)]
    public int HiddenWidth { get; init; } = 128;

    /// <summary>Hidden layers (two in App. E.2).</summary>
    [Setting("Hidden layers", "Hidden layers of generator and score network (2 in App. E.2).", Min = 1, Max = 8)]
    public int HiddenLayers { get; init; } = 2;
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
}
