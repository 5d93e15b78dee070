namespace SmtWeb.Measures;

/// <summary>
/// Inception score (Salimans et al. 2016): exp of the mean KL divergence between each image's class probabilities and
/// their mean, over consecutive splits. <paramref name="StandardDeviation"/> is over the splits (divisor: their number).
/// </summary>
public readonly record struct InceptionScore(double Mean, double StandardDeviation)
{
    /// <summary>
    /// The score of class logits [n, <paramref name="classes"/>], row-major, in float64. Split s covers rows ⌊s·n/splits⌋ up to
    /// ⌊(s+1)·n/splits⌋, without shuffling.
    /// </summary>
    /// <exception cref="ArgumentException">There are fewer images than splits, or a logit is not finite.</exception>
    public static InceptionScore Of(ReadOnlySpan<float> logits, int classes, int splits = 10)
    {
        if (classes < 1 || logits.Length % classes != 0)
        {
            throw new ArgumentException($"{logits.Length} logits are no whole number of rows of {classes}.", nameof(logits));
        }
        var count = logits.Length / classes;
        if (splits < 1 || count < splits)
        {
            throw new ArgumentException($"{count} images cannot be split into {splits} parts.", nameof(splits));
        }
        var scores = new double[splits];
        for (var s = 0; s < splits; s++)
        {
            var (from, to) = ((int)((long)s * count / splits), (int)((long)(s + 1) * count / splits));
            scores[s] = OfSplit(logits[(from * classes)..(to * classes)], classes);
        }
        var mean = scores.Average();
        return new(mean, Math.Sqrt(scores.Average(v => (v - mean) * (v - mean))));
    }

    // mean_i KL(p_i ‖ p̄) = mean_i Σ_c p_ic log p_ic - Σ_c p̄_c log p̄_c
    private static double OfSplit(ReadOnlySpan<float> logits, int classes)
    {
        var count = logits.Length / classes;
        var mean = new double[classes];
        var negativeEntropy = 0.0;
        for (var i = 0; i < count; i++)
        {
            var row = logits.Slice(i * classes, classes);
            double max = double.NegativeInfinity,
                sum = 0;
            foreach (var v in row)
            {
                if (!float.IsFinite(v))
                {
                    throw new ArgumentException($"A logit is {v}; the score is undefined.", nameof(logits));
                }
                max = Math.Max(max, v);
            }
            foreach (var v in row)
            {
                sum += Math.Exp(v - max);
            }
            var logSum = max + Math.Log(sum);
            for (var c = 0; c < classes; c++)
            {
                var logP = row[c] - logSum;
                var p = Math.Exp(logP);
                negativeEntropy += p * logP;
                mean[c] += p;
            }
        }
        var marginal = 0.0;
        foreach (var m in mean)
        {
            if (m > 0)
            {
                marginal += m / count * Math.Log(m / count);
            }
        }
        return Math.Exp((negativeEntropy / count) - marginal);
    }
}
