using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Datasets;

/// <summary>What a sample looks like. <paramref name="Side"/> is 0 for points; <paramref name="Classes"/> 0 for none.</summary>
public sealed record DataShape(int Channels, int Side, int Classes, IReadOnlyList<string> ClassNames)
{
    /// <summary>Samples are points in the plane rather than images.</summary>
    public bool IsPoints => Side == 0;

    /// <summary>The shape of a data set, known without opening it.</summary>
    public static DataShape Of(DataSpec data) => data switch
    {
        SwissRollSpec => new(2, 0, 0, []),
        FashionMnistSpec fashion => new(1, FashionMnist.Side, fashion.Conditional ? FashionMnist.ClassNames.Count : 0, fashion.Conditional ? FashionMnist.ClassNames : []),
        _ => throw new ArgumentOutOfRangeException(nameof(data), data, "unknown data set"),
    };

}
