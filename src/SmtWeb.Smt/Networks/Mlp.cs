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
    public MlpDenoiser(int hiddenWidth, int hiddenLayers, bool amortized, Generator generator) : base(SwissRollSigmaData, classes: 0)
    {
        width = hiddenWidth;
        noiseFourier = Register("noise_fourier", new FourierEmbedding(NoiseFeatures, generator, scale: 1));
        if (amortized) alphaFourier = Register("alpha_fourier", new FourierEmbedding(AlphaFeatures, generator, scale: 1));
        var inputs = 2 + NoiseFeatures + (amortized ? AlphaFeatures : 0);
        var layers = new Linear[hiddenLayers];
        for (var k = 0; k < hiddenLayers; k++)
            layers[k] = Register($"hidden{k}", new Linear(k == 0 ? inputs : hiddenWidth, hiddenWidth, generator));
        output = Register("output", new Linear(hiddenWidth, 2, generator));
        (hidden, all) = (new(layers), new([.. layers, output]));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<long> SampleShape => [2];

    /// <inheritdoc/>
    public override IReadOnlyList<long> BottleneckShape => [width];

    /// <inheritdoc/>
    public override Tensor Raw(Tensor scaled, Tensor c_noise, Tensor? α, Tensor? labels, Tensor? augment) =>
        all.Forward(Features(scaled, c_noise, α), activateLast: false);

    /// <inheritdoc/>
    protected override (Tensor F, Tensor Bottleneck) RawWithBottleneck(Tensor scaled, Tensor c_noise, Tensor? α, Tensor? labels, bool decoderLearns)
    {
        var h = RawBottleneck(scaled, c_noise, α, labels);
        return (output.Forward(decoderLearns ? h : h.detach()), h);
    }

    /// <inheritdoc/>
    protected override Tensor RawBottleneck(Tensor scaled, Tensor c_noise, Tensor? α, Tensor? labels) =>
        hidden.Forward(Features(scaled, c_noise, α), activateLast: true);

    private Tensor Features(Tensor scaled, Tensor c_noise, Tensor? α) => alphaFourier is null
        ? torch.functional.fourier_features(scaled, [c_noise], [noiseFourier.Frequencies])
        : torch.functional.fourier_features(scaled, [c_noise, α!], [noiseFourier.Frequencies, alphaFourier.Frequencies]);
}

/// <summary>Discriminator of the 2-D networks: one hidden layer.</summary>
public sealed class MlpHead : DiscriminatorHead
{
    private readonly LeakyLayers layers;

    /// <summary>A head on [N, width].</summary>
    public MlpHead(long width, Generator generator) =>
        layers = new([Register("hidden", new Linear(width, width, generator)), Register("output", new Linear(width, 1, generator))]);

    /// <inheritdoc/>
    public override Tensor Forward(Tensor feature) => layers.Forward(feature, activateLast: false).reshape(-1);
}

/// <summary>Linear layers of a module with leaky ReLU between them, as one operator.</summary>
internal sealed class LeakyLayers(IReadOnlyList<Linear> layers)
{
    private const double Slope = 0.2;

    private readonly Parameter[] weights = All(layers, "weight"), biases = All(layers, "bias");

    /// <summary>[N,inputs] → [N,outputs].</summary>
    internal Tensor Forward(Tensor x, bool activateLast) => torch.functional.mlp(
        x, Array.ConvertAll(weights, w => w.Value), Array.ConvertAll(biases, b => b.Value), Slope, activateLast);

    private static Parameter[] All(IReadOnlyList<Linear> layers, string name) => [.. layers.Select(l => l.NamedParameters().Single(p => p.Name == name).Parameter)];
}
