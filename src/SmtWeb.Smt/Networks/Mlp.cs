using SmtWeb.Torch;

namespace SmtWeb.Smt.Networks;

/// <summary>
/// Multi-layer perceptron with leaky ReLU for 2-D data (App. E.2), under the same preconditioning as the image networks.
/// Noise level and α enter as Fourier features beside the point.
/// </summary>
public sealed class MlpDenoiser : Denoiser
{
    /// <summary>σ_data of the Swiss roll: the root mean square of its coordinates.</summary>
    public const double SwissRollSigmaData = 0.9;

    private const int NoiseFeatures = 16, AlphaFeatures = 32;
    private const double Slope = 0.2;

    private readonly FourierEmbedding noiseFourier;
    private readonly FourierEmbedding? alphaFourier;
    private readonly Linear[] hidden;
    private readonly Linear output;
    private readonly int width;

    /// <summary>A denoiser of points; <paramref name="amortized"/> ones take α.</summary>
    public MlpDenoiser(int hiddenWidth, int hiddenLayers, bool amortized, Generator generator) : base(SwissRollSigmaData, classes: 0)
    {
        width = hiddenWidth;
        noiseFourier = Register("noise_fourier", new FourierEmbedding(NoiseFeatures, generator, scale: 1));
        if (amortized) alphaFourier = Register("alpha_fourier", new FourierEmbedding(AlphaFeatures, generator, scale: 1));
        var inputs = 2 + NoiseFeatures + (amortized ? AlphaFeatures : 0);
        hidden = new Linear[hiddenLayers];
        for (var k = 0; k < hiddenLayers; k++)
            hidden[k] = Register($"hidden{k}", new Linear(k == 0 ? inputs : hiddenWidth, hiddenWidth, generator));
        output = Register("output", new Linear(hiddenWidth, 2, generator));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<long> SampleShape => [2];

    /// <inheritdoc/>
    public override IReadOnlyList<long> BottleneckShape => [width];

    /// <inheritdoc/>
    protected override bool MaySplitRows => true;

    /// <inheritdoc/>
    public override Tensor Raw(Tensor scaled, Tensor c_noise, Tensor? α, Tensor? labels, Tensor? augment) =>
        output.Forward(RawBottleneck(scaled, c_noise, α, labels));

    /// <inheritdoc/>
    protected override (Tensor F, Tensor Bottleneck) RawWithBottleneck(Tensor scaled, Tensor c_noise, Tensor? α, Tensor? labels, bool decoderLearns)
    {
        var h = RawBottleneck(scaled, c_noise, α, labels);
        return (output.Forward(decoderLearns ? h : h.detach()), h);
    }

    /// <inheritdoc/>
    protected override Tensor RawBottleneck(Tensor scaled, Tensor c_noise, Tensor? α, Tensor? labels)
    {
        var h = alphaFourier is null
            ? torch.cat([scaled, noiseFourier.Forward(c_noise)], 1)
            : torch.cat([scaled, noiseFourier.Forward(c_noise), alphaFourier.Forward(α!)], 1);
        foreach (var layer in hidden) h = layer.Forward(h).leaky_relu(Slope);
        return h;
    }
}
