using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>
/// ADM U-Net (Dhariwal and Nichol 2021) with the weight names of NVlabs/edm's DhariwalUNet. The embedding scales and
/// shifts inside every block, attention has heads of 64 channels, labels join after the mapping layers.
/// </summary>
/// <remarks>
/// With the paper's α embedding (Sec. 3.4) c_aux is what the last mapping layer reads, beside the label:
/// c_out = silu(W₁ h + W_label y + W_α c_α), so that W_α = 0 is the network without α.
/// </remarks>
public sealed class Adm : UNet
{
    private readonly AdmOptions _options;
    private readonly PositionalEmbedding _mapNoise;
    private readonly Linear? _mapLabel,
        _mapAugment;
    private readonly Linear _mapLayer0,
        _mapLayer1;
    private readonly GroupNorm _outNorm;
    private readonly Conv2d _outConv;

    /// <summary>A network with initial weights drawn from <paramref name="random"/>, which dropout uses later.</summary>
    public Adm(AdmOptions options, WeightSource random)
        : base(options)
    {
        _options = options;
        var init = LayerInit.Kaiming;
        _mapNoise = new PositionalEmbedding(options.ModelChannels, endpoint: false, random.Device);
        if (options.AugmentDimensions > 0)
        {
            _mapAugment = Register(
                "map_augment",
                new Linear(options.AugmentDimensions, options.ModelChannels, random, bias: false, LayerInit.Zero)
            );
        }
        _mapLayer0 = Register("map_layer0", new Linear(MappingInputs, EmbeddingChannels, random, init: init));
        _mapLayer1 = Register("map_layer1", new Linear(EmbeddingChannels, EmbeddingChannels, random, init: init));
        if (options.Classes > 0)
        {
            _mapLabel = Register("map_label", new Linear(options.Classes, EmbeddingChannels, random, bias: false, LayerInit.Normal));
        }

        var stem = (long)options.ModelChannels * options.ChannelMultipliers[0];
        BuildBody(
            new Conv2d(Pixels, stem, 3, random, init: init),
            stem,
            attendInAllDecoderBlocks: true,
            (inputs, outputs, resample, attention) => new UNetBlock(inputs, outputs, Block(outputs, resample, attention), random)
        );
        _outNorm = Register("out_norm", new GroupNorm(stem, random));
        _outConv = Register("out_conv", new Conv2d(stem, Pixels, 3, random, init: LayerInit.Zero));
        RegisterAlpha(random);
    }

    private UNetBlockOptions Block(long outputs, Resample resample, bool attention) =>
        new()
        {
            EmbeddingChannels = EmbeddingChannels,
            Resample = resample,
            Heads = attention ? (int)(outputs / _options.ChannelsPerHead) : 0,
            AdaptiveScale = true,
            ResampleProjection = false,
            SkipScale = 1,
            Eps = 1e-5,
            Dropout = _options.Dropout,
            Init = LayerInit.Kaiming,
            AttentionInit = LayerInit.Kaiming,
            LastInit = LayerInit.Zero,
        };

    private protected override Tensor Embed(Tensor noise, Tensor? alpha, Tensor? labels, Tensor? augment)
    {
        var c_aux = _mapNoise.forward(noise);
        if (_mapAugment is not null && augment is not null)
        {
            c_aux = c_aux + _mapAugment.forward(augment);
        }
        var mapped = _mapLayer1.forward(_mapLayer0.forward(Concatenate(c_aux, alpha)).silu());
        if (_mapLabel is not null)
        {
            mapped = mapped + _mapLabel.forward(Rows(labels, noise));
        }
        return Finished(MixedSiLU(mapped, alpha), alpha);
    }

    private protected override Tensor Output(Tensor features) => _outConv.forward(_outNorm.ForwardSiLU(features));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _mapNoise.Dispose();
        }
        base.Dispose(disposing);
    }
}
