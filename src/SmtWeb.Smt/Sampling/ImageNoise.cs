using SmtWeb.Smt.Datasets;

namespace SmtWeb.Smt.Sampling;

/// <summary>
/// The noise from which images are made: standard normal numbers that depend on all 64 bits of an image's seed, on the number of
/// the draw (0 for the first noise, 1, 2, … for that which a sampler of several steps adds) and on their place, on nothing else.
/// </summary>
internal static class ImageNoise
{
    /// <summary>Fills <paramref name="values"/> with noise number <paramref name="draw"/> of a seed.</summary>
    internal static void Fill(ulong seed, int draw, Span<float> values)
    {
        var random = new HostRandom(seed, stream: 64 + (ulong)draw);
        foreach (ref var value in values) value = (float)random.NextNormal();
    }
}
