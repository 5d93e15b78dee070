using SmtWeb.Smt.Datasets;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Metrics.Statistics;

/// <summary>Opens the images of a data set for metrics.</summary>
public static class EvaluationImages
{
    /// <summary>Name of the data set that Debian's package brings.</summary>
    public const string FashionMnist = "fashion-mnist";

    /// <summary>The data set that a model was trained on.</summary>
    /// <exception cref="ArgumentException">It has no images.</exception>
    public static IEvaluationImages Of(DataSpec data) => data switch
    {
        FashionMnistSpec => new FashionMnistImages(),
        StoredDataSpec stored => new SourceImages(ImageSources.Open(stored), skipCorrupt: stored.SkipCorrupt),
        _ => throw new ArgumentException($"{SpecCatalog.KindLabel(data)} holds no images that metrics can read.", nameof(data)),
    };

    /// <summary>A data set as the command line names it: <c>fashion-mnist</c>, or a path.</summary>
    /// <exception cref="FileNotFoundException">There is nothing of this name.</exception>
    /// <exception cref="IOException">The data are damaged; says where.</exception>
    public static IEvaluationImages Open(string name)
    {
        if (name == FashionMnist) return new FashionMnistImages();
        if (!Path.Exists(name)) throw new FileNotFoundException($"There is no data set '{name}': it is neither {FashionMnist} nor the path of a folder or file.", name);
        return new SourceImages(OpenPath(Path.GetFullPath(name)));
    }

    private static ImageSource OpenPath(string path)
    {
        var spec = ImageSources.Guess(path) ?? throw new InvalidDataException($"{path} is no data set that SmtWeb knows: CIFAR-10, ImageNet-64 LMDB, IDX, an EDM zip, or a folder of images.");
        return ImageSources.OpenAt(spec, path);
    }
}
