using SmtWeb.Measures.Statistics;
using SmtWeb.Worker.Generation;

namespace SmtWeb.Worker.Evaluation;

/// <summary>A training image beside a sample; <paramref name="Png"/> is the image.</summary>
public sealed record NeighbourImage(int Index, string ClassName, double Distance, byte[] Png);

/// <summary>
/// A sample and its nearest training images. <paramref name="RealLow"/>, <paramref name="RealMedian"/> and
/// <paramref name="RealHigh"/> are the 5 %, 50 % and 95 % points of the distances from real images to their nearest other one.
/// </summary>
public sealed record NeighbourResult(
    long CheckpointId,
    long Iteration,
    ulong Seed,
    string ClassName,
    byte[] Png,
    IReadOnlyList<NeighbourImage> Neighbours,
    double RealLow,
    double RealMedian,
    double RealHigh,
    string Dataset,
    int Images,
    string Network
);

/// <summary>What came of a search for neighbours. A closed hierarchy.</summary>
public abstract record NeighbourAnswer
{
    private NeighbourAnswer() { }

    /// <summary>They were found.</summary>
    public sealed record Found(NeighbourResult Result) : NeighbourAnswer;

    /// <summary>The sample could not be drawn.</summary>
    public sealed record NotDrawn(GenerationResult Reason) : NeighbourAnswer;

    /// <summary>The training images are being measured, which happens once.</summary>
    public sealed record Measuring(MeasureProgress Progress) : NeighbourAnswer;

    /// <summary>It cannot be done on this node as it is; the message says what is missing and where it goes.</summary>
    public sealed record Unavailable(string Problem) : NeighbourAnswer;
}
