using SmtWeb.Data.Files;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;

namespace SmtWeb.Measures.Statistics;

/// <summary>Opens the images of a data set for metrics.</summary>
public static class EvaluationImages
{
    /// <summary>Name of the data set that Debian's package brings.</summary>
    public const string FashionMnist = "fashion-mnist";

    /// <summary>The data set that a model was trained on; <paramref name="cache"/> is the folder of cached statistics.</summary>
    /// <exception cref="ArgumentException">It has no images.</exception>
    public static IEvaluationImages Of(DataSpec data, string? cache = null) =>
        data switch
        {
            FashionMnistSpec => new FashionMnistImages(),
            StoredDataSpec stored => OpenAt(stored, DatasetRoot.Resolve(stored.Source), cache),
            _ => throw new ArgumentException($"{ChoiceAttribute.LabelOf(data)} holds no images that metrics can read.", nameof(data)),
        };

    /// <summary>
    /// A data set as the command line names it: <c>fashion-mnist</c>, or a path; <paramref name="cache"/> is the folder of cached
    /// statistics.
    /// </summary>
    /// <exception cref="FileNotFoundException">There is nothing of this name.</exception>
    /// <exception cref="IOException">The data are damaged; says where.</exception>
    public static IEvaluationImages Open(string name, string? cache = null)
    {
        if (name == FashionMnist)
        {
            return new FashionMnistImages();
        }
        if (!Path.Exists(name))
        {
            throw new FileNotFoundException(
                $"There is no data set '{name}': it is neither {FashionMnist} nor the path of a folder or file.",
                name
            );
        }
        PlainFile.EnsureFileOrFolder(name);
        var path = Path.GetFullPath(name);
        var spec =
            ImageSources.Guess(path)
            ?? throw new InvalidDataException(
                $"{path} is no data set that SmtWeb knows: CIFAR-10, ImageNet-64 LMDB, IDX, an EDM zip, or a folder of images."
            );
        return OpenAt(spec, path, cache);
    }

    private static SourceImages OpenAt(StoredDataSpec spec, string path, string? cache) =>
        new(ImageSources.OpenAt(spec, path), spec, cache);
}
