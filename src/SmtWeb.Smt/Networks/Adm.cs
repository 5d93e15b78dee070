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
    private readonly Linear? mapLabel, mapAugment;
    private readonly Linear mapLayer0, mapLayer1;
    private readonly GroupNorm outNorm;
    private readonly Conv2d outConv;

    /// <summary>A network with initial weights drawn from <paramref name="generator"/>, which dropout uses later.</summary>
    public Adm(AdmOptions options, Generator generator) : base(options)
    {
        this.options = options;
        var init = LayerInit.Kaiming;
        if (options.AugmentDimensions > 0)
            mapAugment = Register("map_augment", new Linear(options.AugmentDimensions, options.ModelChannels, generator, bias: false, LayerInit.Zero));
        mapLayer0 = Register("map_layer0", new Linear(MappingInputs, EmbeddingChannels, generator, init: init));
        mapLayer1 = Register("map_layer1", new Linear(EmbeddingChannels, EmbeddingChannels, generator, init: init));
        if (options.Classes > 0) mapLabel = Register("map_label", new Linear(options.Classes, EmbeddingChannels, generator, bias: false, LayerInit.Normal));

        var stem = (long)options.ModelChannels * options.ChannelMultipliers[0];
        BuildBody(new Conv2d(Pixels, stem, 3, generator, init: init), stem, attendInAllDecoderBlocks: true, (inputs, outputs, resample, attention) =>
            new UNetBlock(inputs, outputs, Block(outputs, resample, attention), generator));
        outNorm = Register("out_norm", new GroupNorm(stem, generator));
        outConv = Register("out_conv", new Conv2d(stem, Pixels, 3, generator, init: LayerInit.Zero));
        RegisterAlpha(generator);
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
        var c_aux = PositionalEmbedding.Forward(noise, options.ModelChannels, endpoint: false);
        if (mapAugment is not null && augment is not null) c_aux = c_aux + mapAugment.Forward(augment);
        var mapped = mapLayer1.Forward(mapLayer0.Forward(Concatenate(c_aux, alpha)).silu());
        if (mapLabel is not null) mapped = mapped + mapLabel.Forward(Rows(labels, noise));
        return Finished(MixedSiLU(mapped, alpha), alpha);
    }

    private protected override Tensor Output(Tensor features) => outConv.Forward(outNorm.ForwardSiLU(features));
}
