using SmtWeb.Measures.Inception;
using SmtWeb.Measures.Statistics;
using SmtWeb.Torch;

namespace SmtWeb.Measures;

/// <summary>The feature networks by the names that commands and protocols use.</summary>
public static class FeatureNetworks
{
    /// <summary>The bundled network of Fashion-MNIST.</summary>
    public const string Fashion = "fashion-mnist";

    /// <summary>Inception with the resize of EDM, StyleGAN and torch-fidelity.</summary>
    public const string Inception = "inception";

    /// <summary>Inception with pytorch-fid's resize.</summary>
    public const string InceptionPytorchFid = "inception-pytorch-fid";

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } = [Fashion, Inception, InceptionPytorchFid];

    /// <summary>Readies libtorch for measuring in this process.</summary>
    public static void Prepare(int threads)
    {
        TorchRuntime.Initialize();
        TorchRuntime.Threads = threads;
    }

    /// <summary>As <see cref="Open(string, string, Device)"/>, on the first GPU or else the CPU.</summary>
    public static IFeatureNetwork Open(string name, string metricsFolder) => Open(name, metricsFolder, Gpu.OrCpu());

    /// <summary>Opens a network; <paramref name="metricsFolder"/> is where the operator puts Inception's file.</summary>
    /// <exception cref="ArgumentException">The name is not known.</exception>
    /// <exception cref="FileNotFoundException">Inception's file is missing; says which goes where.</exception>
    public static IFeatureNetwork Open(string name, string metricsFolder, Device device) =>
        name switch
        {
            Fashion => FashionFeatures.LoadBundled(device),
            Inception => InceptionFiles.Open(metricsFolder, InceptionResize.Tf1, device),
            InceptionPytorchFid => InceptionFiles.Open(metricsFolder, InceptionResize.PytorchFid, device),
            _ => throw new ArgumentException($"There is no feature network '{name}'; there are {string.Join(", ", Names)}.", nameof(name)),
        };

    /// <summary>The network that fits a data set: the bundled one for Fashion-MNIST, Inception for everything else.</summary>
    public static string Default(IEvaluationImages images) => images is FashionMnistImages ? Fashion : Inception;

    /// <summary>
    /// The statistics of a data set under a network: those bundled with SmtWeb, else from the cache, else computed.
    /// </summary>
    public static ReferenceStatistics Reference(
        IEvaluationImages images,
        IFeatureNetwork network,
        string? cache,
        Action<MeasureProgress>? progress,
        CancellationToken ct
    ) =>
        images is FashionMnistImages && network is FashionFeatures
            ? FashionFid.Reference() with
            {
                Origin = new(images.Name, images.Hash, images.Count, network.Name, network.Hash, network.Resize),
            }
            : DatasetStatistics.Of(images, network, cache, progress, ct);
}
