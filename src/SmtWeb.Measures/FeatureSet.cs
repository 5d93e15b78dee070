namespace SmtWeb.Measures;

/// <summary>Feature vectors of images: <paramref name="Values"/> is [Count, Dimension] row-major.</summary>
public sealed record FeatureSet(float[] Values, int Dimension)
{
    /// <summary>Number of vectors.</summary>
    public int Count => Values.Length / Dimension;

    /// <summary>Throws where the numbers are no whole number of finite vectors.</summary>
    /// <exception cref="ArgumentException">Names the set and the number at fault.</exception>
    public void Check(string name)
    {
        if (Dimension < 1 || Values.Length == 0 || Values.Length % Dimension != 0)
        {
            throw new ArgumentException($"{name}: {Values.Length} numbers are no whole number of vectors of {Dimension}.", name);
        }
        var bad = Array.FindIndex(Values, v => !float.IsFinite(v));
        if (bad >= 0)
        {
            throw new ArgumentException(
                $"{name}: feature {bad % Dimension} of sample {bad / Dimension} is {Values[bad]}; the metric is undefined.",
                name
            );
        }
    }

    /// <summary>The chosen vectors, in the order of <paramref name="rows"/>.</summary>
    public FeatureSet Select(IReadOnlyList<int> rows)
    {
        var chosen = new float[rows.Count * Dimension];
        for (var k = 0; k < rows.Count; k++)
        {
            Values.AsSpan(rows[k] * Dimension, Dimension).CopyTo(chosen.AsSpan(k * Dimension));
        }
        return new FeatureSet(chosen, Dimension);
    }
}
