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

    private const int NoiseFeatures = 16,
        AlphaFeatures = 32;
    private readonly FourierEmbedding _noiseFourier;
    private readonly FourierEmbedding? _alphaFourier;
    private readonly LeakyLayers _hidden,
        _all;
    private readonly Linear _output;
    private readonly int _width;

    /// <summary>A denoiser of points; <paramref name="amortized"/> ones take α.</summary>
    public MlpDenoiser(int hiddenWidth, int hiddenLayers, bool amortized, WeightSource random)
        : base(SwissRollSigmaData, classes: 0)
    {
        _width = hiddenWidth;
        _noiseFourier = Register("noise_fourier", new FourierEmbedding(NoiseFeatures, random, scale: 1));
        if (amortized)
        {
            _alphaFourier = Register("alpha_fourier", new FourierEmbedding(AlphaFeatures, random, scale: 1));
        }
        var inputs = 2 + NoiseFeatures + (amortized ? AlphaFeatures : 0);
        var layers = new Linear[hiddenLayers];
        for (var k = 0; k < hiddenLayers; k++)
        {
            layers[k] = Register($"hidden{k}", new Linear(k == 0 ? inputs : hiddenWidth, hiddenWidth, random));
        }
        _output = Register("output", new Linear(hiddenWidth, 2, random));
        (_hidden, _all) = (new(layers), new([.. layers, _output]));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<long> SampleShape => [2];

    /// <inheritdoc/>
    public override IReadOnlyList<long> BottleneckShape => [_width];

    /// <inheritdoc/>
    public override Tensor Raw(Tensor scaled, Tensor c_noise, Tensor? α, Tensor? labels, Tensor? augment) =>
        _all.forward(Features(scaled, c_noise, α), activateLast: false);

    /// <inheritdoc/>
    protected override (Tensor F, Tensor Bottleneck) RawWithBottleneck(
        Tensor scaled,
        Tensor c_noise,
        Tensor? α,
        Tensor? labels,
        bool decoderLearns
    )
    {
        var h = RawBottleneck(scaled, c_noise, α, labels);
        return (_output.forward(decoderLearns ? h : h.detach()), h);
    }

    /// <inheritdoc/>
    protected override Tensor RawBottleneck(Tensor scaled, Tensor c_noise, Tensor? α, Tensor? labels) =>
        _hidden.forward(Features(scaled, c_noise, α), activateLast: true);

    private Tensor Features(Tensor scaled, Tensor c_noise, Tensor? α) =>
        _alphaFourier is null
            ? Fused.fourier_features(scaled, [c_noise], [_noiseFourier.Frequencies])
            : Fused.fourier_features(scaled, [c_noise, α!], [_noiseFourier.Frequencies, _alphaFourier.Frequencies]);
}

/// <summary>Discriminator of the 2-D networks: one hidden layer.</summary>
public sealed class MlpHead : DiscriminatorHead
{
    private readonly LeakyLayers _layers;

    /// <summary>A head on [N, width].</summary>
    public MlpHead(long width, WeightSource random) =>
        _layers = new([Register("hidden", new Linear(width, width, random)), Register("output", new Linear(width, 1, random))]);

    /// <inheritdoc/>
    public override Tensor forward(Tensor feature) => _layers.forward(feature, activateLast: false).reshape(-1);
}

/// <summary>Linear layers of a module with leaky ReLU between them, as one operator.</summary>
internal sealed class LeakyLayers(IReadOnlyList<Linear> layers)
{
    private const double Slope = 0.2;

    private readonly Tensor[] _weights = All(layers, "weight"),
        _biases = All(layers, "bias");

    /// <summary>[N,inputs] → [N,outputs].</summary>
    internal Tensor forward(Tensor x, bool activateLast) => Fused.mlp(x, _weights, _biases, Slope, activateLast);

    private static Tensor[] All(IReadOnlyList<Linear> layers, string name) => [.. layers.Select(l => l.get_parameter(name)!)];
}
