using SmtWeb.Torch;

namespace SmtWeb.Measures;

/// <summary>
/// Fréchet distance between two normal distributions, the formula behind FID (Heusel et al. 2017):
/// ‖μ₁ - μ₂‖² + tr(Σ₁) + tr(Σ₂) - 2 tr (Σ₁Σ₂)^½.
/// </summary>
public readonly record struct FrechetDistance(double Value, double MeanTerm, double TraceSqrt)
{
    // A distance is never negative; of equal sets the roots leave about √ε of the traces, of either sign.
    private const double Rounding = 1e-6;

    /// <summary>
    /// Computes the distance in float64. tr (Σ₁Σ₂)^½ is taken from the symmetric matrix Σ₁^½ Σ₂ Σ₁^½, which has the same
    /// eigenvalues as Σ₁Σ₂ but keeps them real; it exists for rank-deficient covariances (fewer samples than dimensions) too.
    /// </summary>
    /// <exception cref="ArgumentException">The sizes differ, or a number is not finite.</exception>
    public static FrechetDistance Between(double[] mean1, double[] covariance1, double[] mean2, double[] covariance2)
    {
        var n = mean1.Length;
        if (mean2.Length != n || covariance1.Length != n * n || covariance2.Length != n * n)
        {
            throw new ArgumentException(
                $"Means of {n} and {mean2.Length} numbers with covariances of {covariance1.Length} and {covariance2.Length} do not fit."
            );
        }
        foreach (var numbers in new[] { mean1, covariance1, mean2, covariance2 })
        {
            if (!Array.TrueForAll(numbers, double.IsFinite))
            {
                throw new ArgumentException("A mean or covariance holds NaN or infinite values.");
            }
        }

        var eigenvalues = ProductEigenvalues(covariance1, covariance2, n);

        // Rounding leaves the zero eigenvalues of a deficient product at about ε·max of either sign, and the root would
        // blow them up to √ε: below that level they are zero.
        var noise = eigenvalues.Max() * n * 2.2e-16;
        var traceSqrt = eigenvalues.Where(v => v > noise).Sum(Math.Sqrt);

        var meanTerm = mean1.Zip(mean2, (a, b) => (a - b) * (a - b)).Sum();
        var traces = Trace(covariance1, n) + Trace(covariance2, n);
        var value = meanTerm + traces - (2 * traceSqrt);
        return new FrechetDistance(value < 0 && value > -Rounding * traces ? 0 : value, meanTerm, traceSqrt);
    }

    // Eigenvalues of Σ₁^½ Σ₂ Σ₁^½: with Σ₁ = V Λ Vᵀ the matrix Λ^½ Vᵀ Σ₂ V Λ^½ has the same, and saves two products
    private static double[] ProductEigenvalues(double[] covariance1, double[] covariance2, int n)
    {
        TorchRuntime.Initialize();
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var (values, vectors) = torch.linalg.eigh(Tensors.Of(covariance1, [n, n]));
        var half = vectors * values.AtLeast(0).sqrt();
        var product = half.transpose(0, 1).matmul(Tensors.Of(covariance2, [n, n]).matmul(half));
        return torch.linalg.eigvalsh(product + product.transpose(0, 1)).Over(2).ToArray<double>();
    }

    private static double Trace(double[] matrix, int n) => Enumerable.Range(0, n).Sum(i => matrix[(i * n) + i]);
}
