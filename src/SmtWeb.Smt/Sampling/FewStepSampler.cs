using SmtWeb.Smt.Networks;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Sampling;

/// <summary>
/// Draws in several steps from a generator that was also trained at the noise levels in between (few-step generation,
/// which the paper leaves to future work): x ← g(σ₁z; σ₁), then x ← g(x + σ_k ε; σ_k) with fresh noise at falling levels.
/// One step is <see cref="OneStepSampler"/>. A sample depends on its seed, its class and the levels alone.
/// </summary>
public sealed class FewStepSampler
{
    private readonly Denoiser _generator;
    private readonly Device _device;

    /// <summary>A sampler at the given levels, the first of which is the generator's (80), each below the one before.</summary>
    /// <exception cref="ArgumentException">The levels do not fall, or do not start at the generator's.</exception>
    public FewStepSampler(Denoiser generator, Device device, IReadOnlyList<double> levels)
    {
        if (levels.Count == 0 || levels[0] != Denoiser.SigmaMax)
        {
            throw new ArgumentException(
                $"The levels [{string.Join(", ", levels)}] must start at {Denoiser.SigmaMax}, where the generator turns noise into a "
                    + "sample.",
                nameof(levels)
            );
        }
        for (var k = 1; k < levels.Count; k++)
        {
            if (!(levels[k] > 0 && levels[k] < levels[k - 1]))
            {
                throw new ArgumentException(
                    $"Level {k + 1} is {levels[k]}; it must be above 0 and below the level before it ({levels[k - 1]}).",
                    nameof(levels)
                );
            }
        }
        (_generator, _device, Levels) = (generator, device, levels);
    }

    /// <summary>A sampler of 1, 2 or 4 steps at <see cref="LevelsOf"/>.</summary>
    public FewStepSampler(Denoiser generator, Device device, int steps)
        : this(generator, device, LevelsOf(steps)) { }

    /// <summary>Noise level of every step.</summary>
    public IReadOnlyList<double> Levels { get; }

    /// <summary>
    /// The levels of a number of steps, at equal distances on the Karras grid from its largest level down: 80; 80 and 2.5;
    /// 80, 17, 2.5 and 0.17. Those of four steps contain those of two: a generator trained at them serves all three.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Other than 1, 2 and 4 steps.</exception>
    public static IReadOnlyList<double> LevelsOf(int steps)
    {
        if (steps is not (1 or 2 or 4))
        {
            throw new ArgumentOutOfRangeException(nameof(steps), steps, "Generation takes 1, 2 or 4 steps.");
        }
        // the grid ends at 79.99998 in float32; the generator is called at 80
        var grid = KarrasGrid.Sigmas;
        return [.. Enumerable.Range(0, steps).Select(k => k == 0 ? Denoiser.SigmaMax : grid[(grid.Count * (steps - k) / steps) - 1])];
    }

    /// <summary>Samples [N,…] for <paramref name="seeds"/>; <paramref name="labels"/> has one class per seed or is null.</summary>
    /// <exception cref="ArgumentException">A class is out of range, or the counts differ.</exception>
    public Tensor Draw(IReadOnlyList<ulong> seeds, IReadOnlyList<int>? labels) =>
        SeededRows.Draw(_generator, _device, seeds, labels, Sample);

    /// <summary>
    /// Samples from noise that <paramref name="noise"/> draws, [N,…] at every step; <paramref name="labels"/> [N,classes] one-hot or null.
    /// </summary>
    public Tensor Sample(Func<Tensor> noise, Tensor? labels)
    {
        var x = _generator.Generate(noise(), labels);
        foreach (var σ in Levels.Skip(1))
        {
            x = _generator.forward(x + noise().Times(σ), Numbers.Full([x.size(0)], σ, x.device), null, labels);
        }
        return x;
    }
}
