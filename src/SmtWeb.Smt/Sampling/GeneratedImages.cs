namespace SmtWeb.Smt.Sampling;

/// <summary>
/// One-step generations: <paramref name="Pixels"/> is [N,H,W,C] row-major, one byte a channel.
/// Image i came from <paramref name="Seeds"/>[i] and <paramref name="Labels"/>[i] (-1: unconditional).
/// </summary>
public sealed record GeneratedImages(int Count, int Height, int Width, int Channels, byte[] Pixels, IReadOnlyList<ulong> Seeds, IReadOnlyList<int> Labels);

/// <summary>A generator ready to draw, loaded from a checkpoint.</summary>
public interface IOneStepGenerator : IDisposable
{
    /// <summary>Number of classes; 0 where generation is unconditional.</summary>
    int ClassCount { get; }

    /// <summary>Class names, <see cref="ClassCount"/> of them.</summary>
    IReadOnlyList<string> ClassNames { get; }

    /// <summary>Training iterations behind the weights.</summary>
    long Iteration { get; }

    /// <summary>
    /// Draws one image per seed. The noise of an image depends on its seed alone, never on its batch.
    /// <paramref name="labels"/> has one class per seed, or is null for unconditional models (conditional: class i mod K).
    /// </summary>
    /// <exception cref="ArgumentException">A label is out of range, or the counts differ.</exception>
    GeneratedImages Generate(IReadOnlyList<ulong> seeds, IReadOnlyList<int>? labels);
}
