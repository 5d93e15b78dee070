namespace SmtWeb.Smt.Sampling;

/// <summary>
/// One-step generations: <paramref name="Pixels"/> is [N,H,W,C] row-major, one byte a channel.
/// Image i came from <paramref name="Seeds"/>[i] and <paramref name="Labels"/>[i] (-1: unconditional).
/// </summary>
public sealed record GeneratedImages(
    int Count,
    int Height,
    int Width,
    int Channels,
    byte[] Pixels,
    IReadOnlyList<ulong> Seeds,
    IReadOnlyList<int> Labels
);

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
    /// In how many steps it can be asked to draw: 1, and 2 or 4 where it was trained for them; none where its sampler is fixed.
    /// </summary>
    IReadOnlyList<int> StepChoices { get; }

    /// <summary>
    /// Draws one image per seed. The noise of an image depends on its seed alone, never on its batch.
    /// <paramref name="labels"/> has one class per seed, or is null for unconditional models (conditional: class seed mod K).
    /// <paramref name="steps"/> is one of <see cref="StepChoices"/>, or null for what the model does by itself, one step.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// A label is out of range, the counts differ, or the model does not draw in so many steps.
    /// </exception>
    GeneratedImages Generate(IReadOnlyList<ulong> seeds, IReadOnlyList<int>? labels, int? steps = null);
}
