namespace SmtWeb.Smt.Metrics;

/// <summary>
/// Fréchet distance between two normal distributions, the formula behind FID (Heusel et al. 2017):
/// ‖μ₁ - μ₂‖² + tr(Σ₁) + tr(Σ₂) - 2 tr (Σ₁Σ₂)^½.
/// </summary>
public readonly record struct FrechetDistance(double Value, double MeanTerm, double TraceSqrt)
{
    /// <summary>
    /// Computes the distance in float64. tr (Σ₁Σ₂)^½ is taken from the symmetric matrix Σ₁^½ Σ₂ Σ₁^½, which has the same
    /// eigenvalues as Σ₁Σ₂ but keeps them real; it exists for rank-deficient covariances (fewer samples than dimensions) too.
    /// </summary>
    /// <exception cref="ArgumentException">The sizes differ, or a number is not finite.</exception>
    public static FrechetDistance Between(double[] mean1, double[] covariance1, double[] mean2, double[] covariance2)
    {
        var n = mean1.Length;
        if (mean2.Length != n || covariance1.Length != n * n || covariance2.Length != n * n)
            throw new ArgumentException($"Means of {n} and {mean2.Length} numbers with covariances of {covariance1.Length} and {covariance2.Length} do not fit.");
        foreach (var numbers in new[] { mean1, covariance1, mean2, covariance2 })
            if (!Array.TrueForAll(numbers, double.IsFinite)) throw new ArgumentException("A mean or covariance holds NaN or infinite values.");

        var root1 = new SymmetricEigen(covariance1, n).Map(v => Math.Sqrt(Math.Max(0, v)));
        var product = Multiply(Multiply(root1, covariance2, n), root1, n);
        Symmetrise(product, n);
        var eigenvalues = new SymmetricEigen(product, n).Values;

        // Rounding leaves the zero eigenvalues of a deficient product at about ε·max of either sign, and the root would
        // blow them up to √ε: below that level they are zero.
        var noise = eigenvalues.Max() * n * 2.2e-16;
        var traceSqrt = eigenvalues.Where(v => v > noise).Sum(Math.Sqrt);

        var meanTerm = mean1.Zip(mean2, (a, b) => (a - b) * (a - b)).Sum();
        return new FrechetDistance(meanTerm + Trace(covariance1, n) + Trace(covariance2, n) - (2 * traceSqrt), meanTerm, traceSqrt);
    }

    private static double Trace(double[] matrix, int n) => Enumerable.Range(0, n).Sum(i => matrix[(i * n) + i]);

    private static double[] Multiply(double[] a, double[] b, int n)
    {
        var product = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            var row = product.AsSpan(i * n, n);
            for (var k = 0; k < n; k++)
            {
                var factor = a[(i * n) + k];
                var other = b.AsSpan(k * n, n);
                for (var j = 0; j < n; j++) row[j] += factor * other[j];
            }
        }

        return product;
    }

    private static void Symmetrise(double[] matrix, int n)
    {
        for (var i = 0; i < n; i++)
            for (var j = 0; j < i; j++)
                matrix[(i * n) + j] = matrix[(j * n) + i] = (matrix[(i * n) + j] + matrix[(j * n) + i]) / 2;
    }
}
