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
    private readonly AdmOptions options;
    private readonly PositionalEmbedding mapNoise;
    private readonly Linear? mapLabel, mapAugment;
    private readonly Linear mapLayer0, mapLayer1;
    private readonly GroupNorm outNorm;
    private readonly Conv2d outConv;

    /// <summary>A network with initial weights drawn from <paramref name="random"/>, which dropout uses later.</summary>
    public Adm(AdmOptions options, WeightSource random) : base(options)
    {
        this.options = options;
        var init = LayerInit.Kaiming;
        mapNoise = new PositionalEmbedding(options.ModelChannels, endpoint: false, random.Device);
        if (options.AugmentDimensions > 0)
            mapAugment = Register("map_augment", new Linear(options.AugmentDimensions, options.ModelChannels, random, bias: false, LayerInit.Zero));
        mapLayer0 = Register("map_layer0", new Linear(MappingInputs, EmbeddingChannels, random, init: init));
        mapLayer1 = Register("map_layer1", new Linear(EmbeddingChannels, EmbeddingChannels, random, init: init));
        if (options.Classes > 0) mapLabel = Register("map_label", new Linear(options.Classes, EmbeddingChannels, random, bias: false, LayerInit.Normal));

        var stem = (long)options.ModelChannels * options.ChannelMultipliers[0];
        BuildBody(new Conv2d(Pixels, stem, 3, random, init: init), stem, attendInAllDecoderBlocks: true, (inputs, outputs, resample, attention) =>
            new UNetBlock(inputs, outputs, Block(outputs, resample, attention), random));
        outNorm = Register("out_norm", new GroupNorm(stem, random));
        outConv = Register("out_conv", new Conv2d(stem, Pixels, 3, random, init: LayerInit.Zero));
        RegisterAlpha(random);
    }

    private UNetBlockOptions Block(long outputs, Resample resample, bool attention) => new()
    {
        EmbeddingChannels = EmbeddingChannels,
        Resample = resample,
        Heads = attention ? (int)(outputs / options.ChannelsPerHead) : 0,
        AdaptiveScale = true,
        ResampleProjection = false,
        SkipScale = 1,
        Eps = 1e-5,
        Dropout = options.Dropout,
        Init = LayerInit.Kaiming,
        AttentionInit = LayerInit.Kaiming,
        LastInit = LayerInit.Zero,
    };

    private protected override Tensor Embed(Tensor noise, Tensor? alpha, Tensor? labels, Tensor? augment)
    {
        var c_aux = mapNoise.forward(noise);
        if (mapAugment is not null && augment is not null) c_aux = c_aux + mapAugment.forward(augment);
        var mapped = mapLayer1.forward(mapLayer0.forward(Concatenate(c_aux, alpha)).silu());
        if (mapLabel is not null) mapped = mapped + mapLabel.forward(Rows(labels, noise));
        return Finished(MixedSiLU(mapped, alpha), alpha);
    }

    private protected override Tensor Output(Tensor features) => outConv.forward(outNorm.ForwardSiLU(features));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) mapNoise.Dispose();
        base.Dispose(disposing);
    }
}
