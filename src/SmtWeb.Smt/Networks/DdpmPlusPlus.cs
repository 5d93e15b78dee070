using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>
/// DDPM++ U-Net (Song et al. 2021) with the weight names of NVlabs/edm's SongUNet, and with the α embedding of
/// score-of-mixture training (Sec. 3.4) where asked for.
/// </summary>
public sealed class DdpmPlusPlus : UNet
{
    private readonly DdpmPlusPlusOptions _options;
    private readonly PositionalEmbedding _mapNoise;
    private readonly Linear? _mapLabel,
        _mapAugment;
    private readonly Linear _mapLayer0,
        _mapLayer1;
    private readonly string _auxName;
    private readonly GroupNorm _auxNorm;
    private readonly Conv2d _auxConv;

    /// <summary>A network with initial weights drawn from <paramref name="random"/>, which dropout uses later.</summary>
    public DdpmPlusPlus(DdpmPlusPlusOptions options, WeightSource random)
        : base(options)
    {
        _options = options;
        var channels = options.ModelChannels;
        _mapNoise = new PositionalEmbedding(channels, endpoint: true, random.Device, sinesFirst: true);
        if (options.Classes > 0)
        {
            _mapLabel = Register("map_label", new Linear(options.Classes, channels, random));
        }
        if (options.AugmentDimensions > 0)
        {
            _mapAugment = Register("map_augment", new Linear(options.AugmentDimensions, channels, random, bias: false));
        }
        RegisterAlpha(random);
        _mapLayer0 = Register("map_layer0", new Linear(MappingInputs, EmbeddingChannels, random));
        _mapLayer1 = Register("map_layer1", new Linear(EmbeddingChannels, EmbeddingChannels, random));
        BuildBody(
            new Conv2d(Pixels, channels, 3, random),
            channels,
            attendInAllDecoderBlocks: false,
            (inputs, outputs, resample, attention) =>
                new UNetBlock(
                    inputs,
                    outputs,
                    new UNetBlockOptions
                    {
                        EmbeddingChannels = EmbeddingChannels,
                        Resample = resample,
                        Heads = attention ? 1 : 0,
                        Dropout = options.Dropout,
                    },
                    random
                )
        );
        _auxName = $"{Side}x{Side}_aux";
        var last = (long)channels * options.ChannelMultipliers[0];
        _auxNorm = AddToDecoder($"{_auxName}_norm", new GroupNorm(last, random, eps: 1e-6));
        _auxConv = AddToDecoder($"{_auxName}_conv", new Conv2d(last, Pixels, 3, random, init: LayerInit.Xavier(1e-5)));
    }

    private protected override Tensor Embed(Tensor noise, Tensor? alpha, Tensor? labels, Tensor? augment)
    {
        var c_aux = _mapNoise.forward(noise);
        // no label still gets the layer's bias
        if (_mapLabel is not null)
        {
            c_aux = c_aux + _mapLabel.forward(Rows(labels, noise).Times(Math.Sqrt(_options.Classes)));
        }
        if (_mapAugment is not null && augment is not null)
        {
            c_aux = c_aux + _mapAugment.forward(augment);
        }
        var c_out = MixedSiLU(_mapLayer0.forward(Concatenate(c_aux, alpha)), alpha);
        return Finished(_mapLayer1.forward(c_out).silu(), alpha);
    }

    private protected override Tensor Output(Tensor features)
    {
        // the reference's trace has the bare normalisation; the fused operator does not show it
        if (Trace is not null)
        {
            Traced($"dec.{_auxName}_norm", _auxNorm.forward(features));
        }
        return Traced($"dec.{_auxName}_conv", _auxConv.forward(_auxNorm.ForwardSiLU(features)));
    }

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
