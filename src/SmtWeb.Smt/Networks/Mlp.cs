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
    private readonly FourierEmbedding noiseFourier;
    private readonly FourierEmbedding? alphaFourier;
    private readonly LeakyLayers hidden, all;
    private readonly Linear output;
    private readonly int width;

    /// <summary>A denoiser of points; <paramref name="amortized"/> ones take α.</summary>
    public MlpDenoiser(int hiddenWidth, int hiddenLayers, bool amortized, WeightSource random) : base(SwissRollSigmaData, classes: 0)
    {
        width = hiddenWidth;
        noiseFourier = Register("noise_fourier", new FourierEmbedding(NoiseFeatures, random, scale: 1));
        if (amortized) alphaFourier = Register("alpha_fourier", new FourierEmbedding(AlphaFeatures, random, scale: 1));
        var inputs = 2 + NoiseFeatures + (amortized ? AlphaFeatures : 0);
        var layers = new Linear[hiddenLayers];
        for (var k = 0; k < hiddenLayers; k++)
            layers[k] = Register($"hidden{k}", new Linear(k == 0 ? inputs : hiddenWidth, hiddenWidth, random));
        output = Register("output", new Linear(hiddenWidth, 2, random));
        (hidden, all) = (new(layers), new([.. layers, output]));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<long> SampleShape => [2];

    /// <inheritdoc/>
    public override IReadOnlyList<long> BottleneckShape => [width];

    /// <inheritdoc/>
    public override Tensor Raw(Tensor scaled, Tensor c_noise, Tensor? α, Tensor? labels, Tensor? augment) =>
        all.forward(Features(scaled, c_noise, α), activateLast: false);

    /// <inheritdoc/>
    protected override (Tensor F, Tensor Bottleneck) RawWithBottleneck(Tensor scaled, Tensor c_noise, Tensor? α, Tensor? labels, bool decoderLearns)
    {
        var h = RawBottleneck(scaled, c_noise, α, labels);
        return (output.forward(decoderLearns ? h : h.detach()), h);
    }

    /// <inheritdoc/>
    protected override Tensor RawBottleneck(Tensor scaled, Tensor c_noise, Tensor? α, Tensor? labels) =>
        hidden.forward(Features(scaled, c_noise, α), activateLast: true);

    private Tensor Features(Tensor scaled, Tensor c_noise, Tensor? α) => alphaFourier is null
        ? Fused.fourier_features(scaled, [c_noise], [noiseFourier.Frequencies])
        : Fused.fourier_features(scaled, [c_noise, α!], [noiseFourier.Frequencies, alphaFourier.Frequencies]);
}

/// <summary>Discriminator of the 2-D networks: one hidden layer.</summary>
public sealed class MlpHead : DiscriminatorHead
{
    private readonly LeakyLayers layers;

    /// <summary>A head on [N, width].</summary>
    public MlpHead(long width, WeightSource random) =>
        layers = new([Register("hidden", new Linear(width, width, random)), Register("output", new Linear(width, 1, random))]);

    /// <inheritdoc/>
    public override Tensor forward(Tensor feature) => layers.forward(feature, activateLast: false).reshape(-1);
}

/// <summary>Linear layers of a module with leaky ReLU between them, as one operator.</summary>
internal sealed class LeakyLayers(IReadOnlyList<Linear> layers)
{
    private const double Slope = 0.2;

    private readonly Tensor[] weights = All(layers, "weight"), biases = All(layers, "bias");

    /// <summary>[N,inputs] → [N,outputs].</summary>
    internal Tensor forward(Tensor x, bool activateLast) => Fused.mlp(
        x, weights, biases, Slope, activateLast);

    private static Tensor[] All(IReadOnlyList<Linear> layers, string name) => [.. layers.Select(l => l.get_parameter(name)!)];
}
