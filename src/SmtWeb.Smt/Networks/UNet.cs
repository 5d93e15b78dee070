using SmtWeb.Smt.Specs;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>
/// What DDPM++ and ADM share: an encoder and a decoder of residual blocks with skip connections, the pixel patches, the
/// number formats, and the ways in which α enters (Sec. 3.4). The embeddings, blocks and last layers are the subclasses'.
/// </summary>
public abstract class UNet : NetworkPart
{
    private readonly UNetOptions _options;
    private Group _encoder = null!,
        _decoder = null!;
    private Linear? _mapAlpha;
    private FourierEmbedding? _alphaFourier;
    private PositionalEmbedding? _alphaPositional;

    private protected UNet(UNetOptions options) => _options = options;

    /// <summary>Channels of the encoder's output.</summary>
    public long BottleneckChannels { get; private set; }

    /// <summary>Side of the encoder's output.</summary>
    public int BottleneckSide { get; private set; }

    /// <summary>Called with the output of every block, by name: for tests and for looking inside.</summary>
    public Action<string, Tensor>? Trace { get; set; }

    /// <summary>Channels of the embedding that every block gets.</summary>
    private protected long EmbeddingChannels => (long)_options.ModelChannels * _options.EmbeddingMultiplier;

    /// <summary>Channels of an image after patching.</summary>
    private protected int Pixels => _options.ImageChannels * _options.Patch * _options.Patch;

    /// <summary>Side of an image after patching.</summary>
    private protected int Side => _options.Resolution / _options.Patch;

    /// <summary>Times C: the width of the first mapping layer's input. The released CIFAR-10 code appends α there.</summary>
    private protected int MappingInputs => _options.ModelChannels * (_options.Alpha == AlphaEmbedding.ReleasedPositional ? 2 : 1);

    /// <summary>Features of α in the paper's form: twice the base channels, at least 64, so that the frequencies cover the scale.</summary>
    private long AlphaFeatures => Math.Max(64, 2 * _options.ModelChannels);

    /// <summary>
    /// Raw output F, float32. <paramref name="x"/> [N,C,H,W], <paramref name="noise"/> [N] = c_noise, <paramref name="alpha"/> [N],
    /// <paramref name="labels"/> [N,classes] one-hot or null for none.
    /// </summary>
    public Tensor forward(Tensor x, Tensor noise, Tensor? alpha, Tensor? labels, Tensor? augment = null)
    {
        var e = Embed(noise, alpha, labels, augment);
        var (features, skips) = Encode(x, e);
        return Decode(features, skips, e);
    }

    /// <summary>
    /// As <see cref="forward"/>, with the encoder's output; without <paramref name="decoderLearns"/> no gradient is recorded in the
    /// decoder.
    /// </summary>
    public (Tensor F, Tensor Bottleneck) ForwardWithBottleneck(Tensor x, Tensor noise, Tensor? alpha, Tensor? labels, bool decoderLearns)
    {
        var e = Embed(noise, alpha, labels, null);
        var (features, skips) = Encode(x, e);
        var bottleneck = features.to(ScalarType.Float32);
        if (decoderLearns)
        {
            return (Decode(features, skips, e), bottleneck);
        }
        using var _ = torch.no_grad();
        return (Decode(features, skips, e), bottleneck);
    }

    /// <summary>Output of the encoder, [N, <see cref="BottleneckChannels"/>, s, s], float32; the decoder is not run.</summary>
    public Tensor Bottleneck(Tensor x, Tensor noise, Tensor? alpha, Tensor? labels) =>
        Encode(x, Embed(noise, alpha, labels, null)).Features.to(ScalarType.Float32);

    /// <summary>The embedding [N, <see cref="EmbeddingChannels"/>] of everything but the image, float32.</summary>
    private protected abstract Tensor Embed(Tensor noise, Tensor? alpha, Tensor? labels, Tensor? augment);

    /// <summary>From the decoder's last features to patched pixels.</summary>
    private protected abstract Tensor Output(Tensor features);

    /// <summary>One-hot rows; no label is a row of zeros.</summary>
    private protected Tensor Rows(Tensor? labels, Tensor noise) =>
        labels ?? torch.zeros([noise.size(0), _options.Classes], device: noise.device);

    /// <summary>Registers encoder and decoder. ADM attends in every decoder block of a level, DDPM++ in the last one.</summary>
    private protected void BuildBody(
        Conv2d stem,
        long stemChannels,
        bool attendInAllDecoderBlocks,
        Func<long, long, Resample, bool, UNetBlock> block
    )
    {
        _encoder = Register("enc", new Group());
        _decoder = Register("dec", new Group());
        var levels = _options.ChannelMultipliers.Count;
        long Width(int level) => (long)_options.ModelChannels * _options.ChannelMultipliers[level];
        bool Attends(int res) => _options.AttentionResolutions.Contains(res);

        var width = stemChannels;
        var skips = new Stack<long>();
        for (var level = 0; level < levels; level++)
        {
            var res = Side >> level;
            if (level == 0)
            {
                _encoder.Add($"{res}x{res}_conv", stem);
            }
            else
            {
                _encoder.Add($"{res}x{res}_down", block(width, width, Resample.Down, false));
            }
            skips.Push(width);
            for (var k = 0; k < _options.BlocksPerLevel; k++)
            {
                _encoder.Add($"{res}x{res}_block{k}", block(width, Width(level), Resample.None, Attends(res)));
                width = Width(level);
                skips.Push(width);
            }
        }
        BottleneckChannels = width;
        BottleneckSide = Side >> (levels - 1);

        for (var level = levels - 1; level >= 0; level--)
        {
            var res = Side >> level;
            if (level == levels - 1)
            {
                _decoder.Add($"{res}x{res}_in0", block(width, width, Resample.None, true));
                _decoder.Add($"{res}x{res}_in1", block(width, width, Resample.None, false));
            }
            else
            {
                _decoder.Add($"{res}x{res}_up", block(width, width, Resample.Up, false));
            }
            for (var k = 0; k <= _options.BlocksPerLevel; k++)
            {
                var attention = Attends(res) && (attendInAllDecoderBlocks || k == _options.BlocksPerLevel);
                _decoder.Add($"{res}x{res}_block{k}", block(width + skips.Pop(), Width(level), Resample.None, attention));
                width = Width(level);
            }
        }
    }

    /// <summary>Registers a layer after the decoder's blocks, under <c>dec</c>.</summary>
    private protected T AddToDecoder<T>(string name, T module)
        where T : Module => _decoder.Add(name, module);

    /// <summary>Registers what reads α, if anything does beyond <see cref="MappingInputs"/>.</summary>
    private protected void RegisterAlpha(WeightSource random)
    {
        switch (_options.Alpha)
        {
            case AlphaEmbedding.Paper:
                _alphaFourier = Register("map_alpha_fourier", new FourierEmbedding(AlphaFeatures, random));
                _mapAlpha = Register("map_alpha", new Linear(AlphaFeatures, EmbeddingChannels, random, bias: false));
                break;
            case AlphaEmbedding.ReleasedFourier:
                _alphaFourier = Register("map_alpha", new FourierEmbedding(EmbeddingChannels, random));
                break;
            case AlphaEmbedding.ReleasedPositional:
                _alphaPositional = new PositionalEmbedding(_options.ModelChannels, endpoint: true, random.Device);
                break;
            case null:
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(random), _options.Alpha, "unknown α embedding");
        }
    }

    /// <summary>[c_aux, c_α] of the released CIFAR-10 code, c_aux alone otherwise.</summary>
    private protected Tensor Concatenate(Tensor c_aux, Tensor? alpha) =>
        _alphaPositional is not null ? torch.cat([c_aux, _alphaPositional.forward(Needed(alpha).Minus(0.5))], 1) : c_aux;

    /// <summary>
    /// silu(W_aux c_aux + W_α c_α) of Sec. 3.4, given <paramref name="mapped"/> = W_aux c_aux; without the paper's α just silu.
    /// </summary>
    private protected Tensor MixedSiLU(Tensor mapped, Tensor? alpha) =>
        _mapAlpha is null ? mapped.silu() : (mapped + _mapAlpha.forward(_alphaFourier!.forward(Needed(alpha)))).silu();

    /// <summary>The released ImageNet code adds the features of α - 1/2 to the finished embedding and applies silu once more.</summary>
    private protected Tensor Finished(Tensor embedding, Tensor? alpha) =>
        _options.Alpha == AlphaEmbedding.ReleasedFourier
            ? (embedding + _alphaFourier!.forward(Needed(alpha).Minus(0.5))).silu()
            : embedding;

    private static Tensor Needed(Tensor? alpha) =>
        alpha ?? throw new ArgumentNullException(nameof(alpha), "This network is amortized over α: give an α per sample.");

    private (Tensor Features, Stack<Tensor> Skips) Encode(Tensor x, Tensor e)
    {
        if (_options.Patch > 1)
        {
            x = torch.nn.functional.pixel_unshuffle(x, _options.Patch);
        }
        x = Dispatcher.channels_last(x.to(_options.BodyType));
        var skips = new Stack<Tensor>();
        foreach (var (name, module) in _encoder.Parts)
        {
            x = module is UNetBlock block ? block.forward(x, e) : ((Conv2d)module).forward(x);
            skips.Push(Traced($"enc.{name}", x));
        }
        return (x, skips);
    }

    private Tensor Decode(Tensor features, Stack<Tensor> skips, Tensor e)
    {
        foreach (var (name, module) in _decoder.Parts)
        {
            if (module is not UNetBlock block)
            {
                continue;
            }
            if (features.size(1) != block.Inputs)
            {
                features = torch.cat([features, skips.Pop()], 1);
            }
            features = Traced($"dec.{name}", block.forward(features, e));
        }
        var f = Output(features).to(ScalarType.Float32);
        return _options.Patch > 1 ? torch.nn.functional.pixel_shuffle(f, _options.Patch) : f;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _alphaPositional?.Dispose();
        }
        base.Dispose(disposing);
    }

    private protected Tensor Traced(string name, Tensor x)
    {
        Trace?.Invoke(name, x);
        return x;
    }

    /// <summary>Named modules in order.</summary>
    private sealed class Group : NetworkPart
    {
        internal List<(string Name, Module Module)> Parts { get; } = [];

        internal T Add<T>(string name, T module)
            where T : Module
        {
            Parts.Add((name, module));
            return Register(name, module);
        }
    }
}
