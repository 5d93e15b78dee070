using SmtWeb.Data.Settings;

namespace SmtWeb.Data.Formats;

/// <summary>Opens data sets by their spec, and tells what a path holds.</summary>
public static class ImageSources
{
    private const int Listed = 12;

    /// <summary>Opens the data of a spec.</summary>
    /// <exception cref="SpecException">The path leads out of the folder of data sets.</exception>
    /// <exception cref="IOException">The data are missing or damaged; says where.</exception>
    public static ImageSource Open(StoredDataSpec spec) => OpenAt(spec, DatasetRoot.Resolve(spec.Source));

    /// <summary>Opens data at a path, as a spec describes them.</summary>
    /// <exception cref="IOException">The data are missing or damaged; says where.</exception>
    public static ImageSource OpenAt(StoredDataSpec spec, string path) =>
        spec switch
        {
            Cifar10Spec => Cifar10.Open(path),
            ImageNet64Spec => new LmdbSource(path),
            ZipSpec => new ZipSource(path),
            FolderSpec folder => new FolderSource(path, folder.Side, folder.Channels),
            IdxSpec idx => IdxSource.Open(path, idx.Side, idx.Fit),
            _ => throw new ArgumentOutOfRangeException(nameof(spec), spec, "unknown data set"),
        };

    /// <summary>What a file or folder looks like, or null.</summary>
    public static StoredDataSpec? Guess(string path) =>
        Cifar10.Looks(path) ? new Cifar10Spec()
        : File.Exists(Path.Combine(path, "data.mdb")) || path.EndsWith(".mdb", StringComparison.Ordinal) ? new ImageNet64Spec()
        : IdxSource.Find(path) is not null ? new IdxSpec()
        : File.Exists(path) && path.EndsWith(".zip", StringComparison.OrdinalIgnoreCase) ? new ZipSpec()
        : Directory.Exists(path) ? new FolderSpec()
        : null;

    /// <summary>
    /// The spec with what it leaves open (0, no names) filled in from the data, for runs without a database; data that
    /// are registered know it already.
    /// </summary>
    /// <exception cref="SpecException">The path leads out of the folder of data sets.</exception>
    /// <exception cref="IOException">The data are missing or damaged; says where.</exception>
    public static DataSpec Complete(DataSpec spec)
    {
        if (
            spec is not ShapedDataSpec { Source.Length: > 0 } shaped
            || (shaped.Side > 0 && shaped.Channels > 0 && shaped.Classes > 0 && shaped.ClassNames.Count > 0)
        )
        {
            return spec;
        }
        using var source = Open(shaped);
        return Complete(shaped, source.Side, source.Channels, source.Classes, source.ClassNames);
    }

    /// <summary>A spec with what it leaves open taken from facts about its data.</summary>
    public static StoredDataSpec Complete(StoredDataSpec spec, int side, int channels, int classes, IReadOnlyList<string> names) =>
        spec is not ShapedDataSpec shaped
            ? spec
            : shaped with
            {
                Side = shaped.Side > 0 ? shaped.Side : side,
                Channels = shaped.Channels > 0 ? shaped.Channels : channels,
                Classes = shaped.Classes > 0 ? shaped.Classes : classes,
                ClassNames = shaped.ClassNames.Count > 0 ? shaped.ClassNames : names,
            };

    /// <summary>Says where the data and the spec differ.</summary>
    /// <exception cref="SpecException">They do.</exception>
    internal static void EnsureFits(StoredDataSpec spec, ImageSource source)
    {
        var shape = DataShape.Of(spec);
        var errors = new List<SpecError>();
        if (shape.Side != source.Side)
        {
            errors.Add(
                new(
                    "$.data.side",
                    shape.Side == 0
                        ? $"Side is 0, and the data set is not registered; its images have {source.Side}x{source.Side}."
                        : $"Side is {shape.Side}; the images of {source.Path} have {source.Side}x{source.Side}."
                )
            );
        }
        if (shape.Channels != source.Channels)
        {
            errors.Add(new("$.data.channels", $"Channels is {shape.Channels}; the images of {source.Path} have {source.Channels}."));
        }
        if (spec.Conditional && source.Classes > shape.Classes)
        {
            errors.Add(new("$.data.classes", $"Classes is {shape.Classes}; {source.Path} has {source.Classes}."));
        }
        if (spec.Conditional && source.Classes == 0 && shape.Classes > 0)
        {
            errors.Add(
                new("$.data.conditional", $"Class-conditional is on with {shape.Classes} classes, but {source.Path} has no labels.")
            );
        }
        // names are compared, not only counted: another folder in the middle would give every class after it another's images
        var names =
            source.ClassNames.Count < shape.KnownNames.Count ? [.. shape.KnownNames.Take(source.ClassNames.Count)] : shape.KnownNames;
        if (errors.Count == 0 && spec.Conditional && ClassNaming.Difference(names, source.ClassNames) is { } other)
        {
            errors.Add(
                new(
                    "$.data.classNames",
                    $"The classes of {source.Path} are not those of the spec: {other} ({Words(shape.KnownNames)} there, "
                        + $"{Words(source.ClassNames)} here). Give the data back their classes, or begin a new run with these."
                )
            );
        }
        if (errors.Count > 0)
        {
            throw new SpecException(errors);
        }

        static string Words(IReadOnlyList<string> all) => string.Join(' ', all.Take(Listed)) + (all.Count > Listed ? " …" : "");
    }
}
