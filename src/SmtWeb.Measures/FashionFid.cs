using System.Security.Cryptography;
using SmtWeb.Data.Images;
using SmtWeb.Data.Weights;
using SmtWeb.Measures.Statistics;
using SmtWeb.Torch;

namespace SmtWeb.Measures;

/// <summary>
/// FID on Fashion-MNIST with the fixed feature network and the statistics of the 60,000 training images in
/// assets/fashion-mnist-fid. Samples are rounded to bytes first, as an image file would hold them.
/// </summary>
public sealed class FashionFid : IDisposable
{
    private const int Batch = 256;
    private readonly FashionFeatures _features;
    private readonly double[] _mean,
        _covariance;
    private readonly Device _device;

    private FashionFid(FashionFeatures features, double[] mean, double[] covariance, string referenceHash, Device device)
    {
        (_features, _mean, _covariance, _device) = (features, mean, covariance, device);
        ReferenceHash = referenceHash;
    }

    /// <summary>Images that the bundled statistics are of.</summary>
    public const int ReferenceImages = 60_000;

    /// <summary>Dimensions of the features.</summary>
    public int Dimension => _mean.Length;

    /// <summary>SHA-256 of the feature network's file.</summary>
    public string NetworkHash => _features.Hash;

    /// <summary>SHA-256 of the reference statistics' file.</summary>
    public string ReferenceHash { get; }

    /// <summary>Folder of the data asset.</summary>
    public static string Folder => Path.Combine(AppContext.BaseDirectory, "assets", "fashion-mnist-fid");

    /// <summary>Loads network and reference.</summary>
    public static FashionFid Open(Device device)
    {
        var (network, reference) = (Path.Combine(Folder, "features.safetensors"), Path.Combine(Folder, "reference.safetensors"));
        var (_, statistics) = SafetensorsReader.ReadFile(reference);
        double[] Values(string name)
        {
            var values = new double[statistics[name].Bytes.Length / sizeof(double)];
            Buffer.BlockCopy(statistics[name].Bytes, 0, values, 0, statistics[name].Bytes.Length);
            return values;
        }
        return new FashionFid(FashionFeatures.Load(network, device), Values("mu"), Values("sigma"), Hash(reference), device);
    }

    /// <summary>The bundled statistics of the 60,000 training images.</summary>
    public static ReferenceStatistics Reference()
    {
        using var fid = Open(torch.CPU);
        return new ReferenceStatistics(
            fid._mean,
            fid._covariance,
            new("fashion-mnist", "", ReferenceImages, fid._features.Name, fid.NetworkHash, fid._features.Resize)
        )
        {
            FileHash = fid.ReferenceHash,
        };
    }

    /// <summary>
    /// Distance of <paramref name="samples"/> samples; <paramref name="draw"/>(from, count) gives them as
    /// [count,1,32,32] in [-1,1], and each is freed before the next.
    /// </summary>
    public double Distance(Func<int, int, Tensor> draw, int samples)
    {
        var moments = new RunningMoments(_mean.Length);
        for (var from = 0; from < samples; from += Batch)
        {
            using var scope = torch.NewDisposeScope();
            var count = Math.Min(Batch, samples - from);
            moments.Add(Features(Quantisation.ToPixels(draw(from, count)), count));
        }
        return FrechetDistance.Between(moments.Mean(), moments.Covariance(), _mean, _covariance).Value;
    }

    /// <summary>Features [N,128] of grey images given as bytes [N,32,32].</summary>
    public float[] Features(byte[] images, int count)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var x = Tensors.Of(images, [count, 1, 32, 32], _device).to(ScalarType.Float32).Over(127.5).Minus(1);
        return _features.forward(x).ToArray<float>();
    }

    private static string Hash(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));

    /// <inheritdoc/>
    public void Dispose() => _features.Dispose();
}
