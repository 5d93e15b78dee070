using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>Settings of the DDPM++ U-Net.</summary>
public sealed record DdpmPlusPlusOptions
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
    public int ModelChannels { get; init; } = 128;

    /// <summary>Multipliers of C, highest resolution first.</summary>
    public IReadOnlyList<int> ChannelMultipliers { get; init; } = [2, 2, 2];

    /// <summary>Residual blocks per level of the encoder.</summary>
    public int BlocksPerLevel { get; init; } = 4;

    /// <summary>Resolutions with attention; the middle block always has it.</summary>
    public IReadOnlyList<int> AttentionResolutions { get; init; } = [16];

    /// <summary>Dropout probability.</summary>
    public double Dropout { get; init; }

    /// <summary>Side of the patches that become channels.</summary>
    public int Patch { get; init; } = 1;

    /// <summary>How α enters; null = the network takes no α.</summary>
    public AlphaEmbedding? Alpha { get; init; }

    /// <summary>Number format of the body.</summary>
    public ScalarType BodyType { get; init; } = ScalarType.Float32;
}

/// <summary>
/// DDPM++ U-Net (Song et al. 2021) with the weight names of NVlabs/edm's SongUNet, and with the α embedding of
/// score-of-mixture training (Sec. 3.4) where asked for.
/// </summary>
public sealed class DdpmPlusPlus : Module
{
    private readonly DdpmPlusPlusOptions options;
    private readonly Linear? mapLabel, mapAugment, mapAlpha;
    private readonly FourierEmbedding? alphaFourier;
    private readonly Linear mapLayer0, mapLayer1;
    private readonly Group encoder, decoder;

    /// <summary>A network with initial weights drawn from <paramref name="generator"/>, which dropout uses later.</summary>
    public DdpmPlusPlus(DdpmPlusPlusOptions options, Generator generator)
    {
        this.options = options;
        var channels = options.ModelChannels;
        var embedding = channels * 4;
        var pixels = options.ImageChannels * options.Patch * options.Patch;
        var side = options.Resolution / options.Patch;

        if (options.Classes > 0) mapLabel = Register("map_label", new Linear(options.Classes, channels, generator));
        if (options.AugmentDimensions > 0) mapAugment = Register("map_augment", new Linear(options.AugmentDimensions, channels, generator, bias: false));
        if (options.Alpha == AlphaEmbedding.Paper)
        {
            alphaFourier = Register("map_alpha_fourier", new FourierEmbedding(AlphaFeatures(channels), generator));
            mapAlpha = Register("map_alpha", new Linear(AlphaFeatures(channels), embedding, generator, bias: false));
        }
        var concatenated = options.Alpha == AlphaEmbedding.ReleasedPositional ? 2 : 1;
        mapLayer0 = Register("map_layer0", new Linear(channels * concatenated, embedding, generator));
        mapLayer1 = Register("map_layer1", new Linear(embedding, embedding, generator));
        encoder = Register("enc", new Group());
        decoder = Register("dec", new Group());

        UNetBlockOptions Block(Resample resample, bool attention) => new()
        {
            EmbeddingChannels = embedding,
            Resample = resample,
            Heads = attention ? 1 : 0,
            Dropout = options.Dropout,
        };

        long width = pixels;
        var skips = new Stack<long>();
        var levels = options.ChannelMultipliers.Count;
        for (var level = 0; level < levels; level++)
        {
            var res = side >> level;
            if (level == 0)
            {
                encoder.Add($"{res}x{res}_conv", new Conv2d(pixels, channels, 3, generator));
                width = channels;
            }
            else
            {
                encoder.Add($"{res}x{res}_down", new UNetBlock(width, width, Block(Resample.Down, false), generator));
            }
            skips.Push(width);
            for (var k = 0; k < options.BlocksPerLevel; k++)
            {
                var next = channels * options.ChannelMultipliers[level];
                encoder.Add($"{res}x{res}_block{k}", new UNetBlock(width, next, Block(Resample.None, options.AttentionResolutions.Contains(res)), generator));
                width = next;
                skips.Push(width);
            }
        }
        BottleneckChannels = width;
        BottleneckSide = side >> (levels - 1);

        for (var level = levels - 1; level >= 0; level--)
        {
            var res = side >> level;
            if (level == levels - 1)
            {
                decoder.Add($"{res}x{res}_in0", new UNetBlock(width, width, Block(Resample.None, true), generator));
                decoder.Add($"{res}x{res}_in1", new UNetBlock(width, width, Block(Resample.None, false), generator));
            }
            else
            {
                decoder.Add($"{res}x{res}_up", new UNetBlock(width, width, Block(Resample.Up, false), generator));
            }
            for (var k = 0; k <= options.BlocksPerLevel; k++)
            {
                var next = channels * options.ChannelMultipliers[level];
                var attention = k == options.BlocksPerLevel && options.AttentionResolutions.Contains(res);
                decoder.Add($"{res}x{res}_block{k}", new UNetBlock(width + skips.Pop(), next, Block(Resample.None, attention), generator));
                width = next;
            }
        }
        AuxNorm = decoder.Add($"{side}x{side}_aux_norm", new GroupNorm(width, generator, eps: 1e-6));
        AuxConv = decoder.Add($"{side}x{side}_aux_conv", new Conv2d(width, pixels, 3, generator, scale: 1e-5));
    }

    /// <summary>Channels of the encoder's output.</summary>
    public long BottleneckChannels { get; }

    /// <summary>Side of the encoder's output.</summary>
    public int BottleneckSide { get; }

    /// <summary>Called with the output of every block, by name: for tests and for looking inside.</summary>
    public Action<string, Tensor>? Trace { get; set; }

    private GroupNorm AuxNorm { get; }

    private Conv2d AuxConv { get; }

    /// <summary>
    /// Raw output F. <paramref name="x"/> [N,C,H,W], <paramref name="noise"/> [N] = c_noise, <paramref name="alpha"/> [N],
    /// <paramref name="labels"/> [N,classes] one-hot or null for none.
    /// </summary>
    public Tensor Forward(Tensor x, Tensor noise, Tensor? alpha, Tensor? labels, Tensor? augment = null)
    {
        var e = Embed(noise, alpha, labels, augment);
        var (features, skips) = Encode(x, e);
        return Decode(features, skips, e);
    }

    /// <summary>As <see cref="Forward"/>, with the encoder's output; without <paramref name="decoderLearns"/> no gradient is recorded in the decoder.</summary>
    public (Tensor F, Tensor Bottleneck) ForwardWithBottleneck(Tensor x, Tensor noise, Tensor? alpha, Tensor? labels, bool decoderLearns)
    {
        var e = Embed(noise, alpha, labels, null);
        var (features, skips) = Encode(x, e);
        var bottleneck = features.to(ScalarType.Float32);
        if (decoderLearns) return (Decode(features, skips, e), bottleneck);
        using var _ = torch.no_grad();
        return (Decode(features, skips, e), bottleneck);
    }

    private Tensor Decode(Tensor features, Stack<Tensor> skips, Tensor e)
    {
        foreach (var (name, module) in decoder.Parts)
        {
            if (module is not UNetBlock block) continue;
            if (features.Size(1) != block.Inputs) features = torch.cat([features, skips.Pop()], 1);
            features = Traced($"dec.{name}", block.Forward(features, e));
        }
        var f = AuxConv.Forward(AuxNorm.ForwardSiLU(features)).to(ScalarType.Float32);
        return options.Patch > 1 ? f.pixel_shuffle(options.Patch) : f;
    }

    /// <summary>Output of the encoder, [N, <see cref="BottleneckChannels"/>, s, s]; the decoder is not run.</summary>
    public Tensor Bottleneck(Tensor x, Tensor noise, Tensor? alpha, Tensor? labels) =>
        Encode(x, Embed(noise, alpha, labels, null)).Features.to(ScalarType.Float32);

    /// <summary>Features of α: twice the base channels, at least 64, so that the frequencies cover the scale.</summary>
    private static long AlphaFeatures(long channels) => Math.Max(64, 2 * channels);

    private Tensor Embed(Tensor noise, Tensor? alpha, Tensor? labels, Tensor? augment)
    {
        var channels = options.ModelChannels;
        // DDPM++ swaps the halves: sines first
        var halves = PositionalEmbedding.Forward(noise, channels, endpoint: true).chunk(2, dim: 1);
        var c_aux = torch.cat([halves[1], halves[0]], 1);
        if (mapLabel is not null)
        {
            // no label is a row of zeros, which still gets the layer's bias
            var rows = labels ?? torch.zeros([noise.Size(0), options.Classes], device: noise.Device);
            c_aux = c_aux + mapLabel.Forward(rows * Math.Sqrt(options.Classes));
        }
        if (mapAugment is not null && augment is not null) c_aux = c_aux + mapAugment.Forward(augment);
        Tensor c_out;
        switch (options.Alpha)
        {
            case AlphaEmbedding.Paper:
                // Sec. 3.4: c_out = silu(W_aux c_aux + W_α c_α)
                c_out = (mapLayer0.Forward(c_aux) + mapAlpha!.Forward(alphaFourier!.Forward(alpha!))).silu();
                break;
            case AlphaEmbedding.ReleasedPositional:
                var c_α = PositionalEmbedding.Forward(alpha! - 0.5, channels, endpoint: true);
                c_out = mapLayer0.Forward(torch.cat([c_aux, c_α], 1)).silu();
                break;
            case null:
                c_out = mapLayer0.Forward(c_aux).silu();
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(options), options.Alpha, "unknown α embedding");
        }
        return mapLayer1.Forward(c_out).silu();
    }

    private (Tensor Features, Stack<Tensor> Skips) Encode(Tensor x, Tensor e)
    {
        if (options.Patch > 1) x = x.pixel_unshuffle(options.Patch);
        x = x.to(options.BodyType).contiguous(MemoryFormat.ChannelsLast);
        var skips = new Stack<Tensor>();
        foreach (var (name, module) in encoder.Parts)
        {
            x = module is UNetBlock block ? block.Forward(x, e) : ((Conv2d)module).Forward(x);
            skips.Push(Traced($"enc.{name}", x));
        }
        return (x, skips);
    }

    private Tensor Traced(string name, Tensor x)
    {
        Trace?.Invoke(name, x);
        return x;
    }

    /// <summary>Named modules in order.</summary>
    private sealed class Group : Module
    {
        internal List<(string Name, Module Module)> Parts { get; } = [];

        internal T Add<T>(string name, T module) where T : Module
        {
            Parts.Add((name, module));
            return Register(name, module);
        }
    }
}
