using System.Globalization;

namespace SmtWeb.Data.Formats;

/// <summary>What a sample looks like. <paramref name="Side"/> is 0 for points; <paramref name="Classes"/> 0 for none.</summary>
public sealed record DataShape(int Channels, int Side, int Classes, IReadOnlyList<string> ClassNames)
{
    /// <summary>Samples are points in the plane rather than images.</summary>
    public bool IsPoints => Side == 0;

    /// <summary>
    /// Names of the classes where they were given or are the data set's own; empty where <see cref="ClassNames"/> are mere numbers.
    /// </summary>
    public IReadOnlyList<string> KnownNames { get; private init; } = ClassNames;

    /// <summary>WordNet ids of the classes where they are ImageNet's, else empty.</summary>
    public IReadOnlyList<string> Synsets =>
        Classes == ImageNetClasses.Count && ReferenceEquals(ClassNames, ImageNetClasses.Names)
            ? [.. ImageNetClasses.All.Select(c => c.Synset)]
            : [];

    /// <summary>The shape of a data set, known without opening it.</summary>
    public static DataShape Of(DataSpec data) =>
        data switch
        {
            SwissRollSpec => new(2, 0, 0, []),
            FashionMnistSpec fashion => Images(
                1,
                FashionMnist.Side,
                fashion.Conditional,
                FashionMnist.ClassNames.Count,
                FashionMnist.ClassNames
            ),
            Cifar10Spec cifar => Images(3, Cifar10.Side, cifar.Conditional, Cifar10.ClassNames.Count, Cifar10.ClassNames),
            ImageNet64Spec imageNet => Images(
                3,
                64,
                imageNet.Conditional,
                ImageNetClasses.Count,
                imageNet.Conditional ? ImageNetClasses.Names : []
            ),
            ShapedDataSpec { ClassNames.Count: 0, Classes: not ImageNetClasses.Count } unnamed => Images(
                unnamed.Channels,
                unnamed.Side,
                unnamed.Conditional,
                unnamed.Classes,
                Names(unnamed)
            ) with
            {
                KnownNames = [],
            },
            ShapedDataSpec shaped => Images(shaped.Channels, shaped.Side, shaped.Conditional, shaped.Classes, Names(shaped)),
            _ => throw new ArgumentOutOfRangeException(nameof(data), data, "unknown data set"),
        };

    private static DataShape Images(int channels, int side, bool conditional, int classes, IReadOnlyList<string> names) =>
        new(channels, side, conditional ? classes : 0, conditional ? names : []);

    private static IReadOnlyList<string> Names(ShapedDataSpec spec)
    {
        if (spec.Classes == ImageNetClasses.Count && (spec.ClassNames.Count == 0 || spec.ClassNames.SequenceEqual(ImageNetClasses.Names)))
        {
            return ImageNetClasses.Names;
        }
        return spec.ClassNames.Count == spec.Classes
            ? spec.ClassNames
            :
            [
                .. Enumerable
                    .Range(0, spec.Classes)
                    .Select(k => k < spec.ClassNames.Count ? spec.ClassNames[k] : k.ToString(CultureInfo.InvariantCulture)),
            ];
    }
}
