namespace SmtWeb.Smt.Metrics;

/// <summary>
/// Eigenvalues and eigenvectors of a real symmetric matrix: Householder reduction to tridiagonal form, then implicit QL
/// steps with Wilkinson's shift (Golub and Van Loan, Matrix Computations, sec. 8.3). O(n³); 128x128 takes some ten milliseconds.
/// </summary>
public sealed class SymmetricEigen
{
    private const int MaxSteps = 100;

    /// <summary>Distance from 1 to the next double.</summary>
    private const double MachineEpsilon = 2.220446049250313e-16;

    /// <summary>A column this small beside entries of about 1 is zero already; its square would vanish.</summary>
    private const double Negligible = 1e-140;

    private readonly int n;
    private readonly double[] offDiagonal;

    /// <summary>Decomposes an [n,n] row-major matrix that is symmetric.</summary>
    /// <exception cref="ArgumentException">The length is not n², or a number is NaN or infinite.</exception>
    public SymmetricEigen(ReadOnlySpan<double> matrix, int n)
    {
        if (matrix.Length != n * n) throw new ArgumentException($"{matrix.Length} numbers are no {n}x{n} matrix.", nameof(matrix));
        this.n = n;
        Values = new double[n];
        offDiagonal = new double[n];

        // Scaled to entries of at most 1, so that squares neither overflow nor vanish.
        var scale = 0.0;
        foreach (var entry in matrix)
        {
            if (!double.IsFinite(entry)) throw new ArgumentException($"The matrix holds {entry}.", nameof(matrix));
            scale = Math.Max(scale, Math.Abs(entry));
        }

        if (scale == 0) scale = 1;
        var scaled = matrix.ToArray();
        for (var i = 0; i < scaled.Length; i++) scaled[i] /= scale;
        Vectors = Tridiagonalise(scaled);
        Diagonalise();
        for (var i = 0; i < n; i++) Values[i] *= scale;
    }

    /// <summary>Eigenvalues, in no particular order.</summary>
    public double[] Values { get; }

    /// <summary>Row k is the unit eigenvector of <see cref="Values"/>[k]; [n,n] row-major. Rows, so that rotations run along memory.</summary>
    public double[] Vectors { get; }

    /// <summary>V f(λ) Vᵀ, for example the square root of a covariance.</summary>
    public double[] Map(Func<double, double> f)
    {
        var result = new double[n * n];
        for (var k = 0; k < n; k++)
        {
            var mapped = f(Values[k]);
            var v = Vectors.AsSpan(k * n, n);
            for (var i = 0; i < n; i++)
            {
                var factor = mapped * v[i];
                var row = result.AsSpan(i * n, n);
                for (var j = 0; j < n; j++) row[j] += factor * v[j];
            }
        }

        return result;
    }

    /// <summary>A = Q T Qᵀ. Leaves T in <see cref="Values"/> and <see cref="offDiagonal"/>; returns Qᵀ.</summary>
    private double[] Tridiagonalise(double[] a)
    {
        var reflectors = new double[n][];
        var betas = new double[n];
        var p = new double[n];
        for (var k = 0; k < n - 1; k++)
        {
            var v = new double[n];
            for (var i = k + 1; i < n; i++) v[i] = a[(i * n) + k];
            var norm = Math.Sqrt(Dot(v, v));
            reflectors[k] = v;
            if (norm < Negligible) continue;

            // The sign that does not cancel.
            var alpha = v[k + 1] > 0 ? -norm : norm;
            offDiagonal[k] = alpha;
            v[k + 1] -= alpha;
            var beta = betas[k] = 2 / Dot(v, v);

            // A ← H A H with H = I - β v vᵀ, as A - v wᵀ - w vᵀ.
            for (var i = k + 1; i < n; i++) p[i] = beta * Dot(a.AsSpan((i * n) + k + 1, n - k - 1), v.AsSpan(k + 1));
            var half = beta / 2 * Dot(p.AsSpan(k + 1), v.AsSpan(k + 1));
            for (var i = k + 1; i < n; i++) p[i] -= half * v[i];
            for (var i = k + 1; i < n; i++)
            {
                var row = a.AsSpan(i * n, n);
                for (var j = k + 1; j < n; j++) row[j] -= (v[i] * p[j]) + (p[i] * v[j]);
            }
        }

        for (var i = 0; i < n; i++) Values[i] = a[(i * n) + i];
        return Accumulate(reflectors, betas);
    }

    /// <summary>Qᵀ with Q = H₀ H₁ …, from the last reflector back, so that each touches only the block it changes.</summary>
    private double[] Accumulate(double[][] reflectors, double[] betas)
    {
        var q = new double[n * n];
        for (var i = 0; i < n; i++) q[(i * n) + i] = 1;
        for (var k = n - 2; k >= 0; k--)
        {
            if (betas[k] == 0) continue;
            var v = reflectors[k].AsSpan(k + 1);
            for (var i = k + 1; i < n; i++)
            {
                // Row i of Qᵀ is column i of Q: H is applied from the left to Q.
                var column = q.AsSpan((i * n) + k + 1, n - k - 1);
                var factor = betas[k] * Dot(column, v);
                for (var j = 0; j < column.Length; j++) column[j] -= factor * v[j];
            }
        }

        return q;
    }

    private void Diagonalise()
    {
        var d = Values;
        var e = offDiagonal;
        for (var low = 0; low < n; low++)
        {
            for (var step = 0; ; step++)
            {
                var high = low;
                while (high < n - 1 && Math.Abs(e[high]) > MachineEpsilon * (Math.Abs(d[high]) + Math.Abs(d[high + 1]))) high++;
                if (high == low) break;
                if (step == MaxSteps) throw new ArithmeticException($"Eigenvalue {low} did not converge in {MaxSteps} steps.");
                QlStep(d, e, low, high);
            }
        }
    }

    /// <summary>One implicit QL step on rows low … high of the tridiagonal matrix.</summary>
    private void QlStep(double[] d, double[] e, int low, int high)
    {
        // Wilkinson's shift: the eigenvalue of the leading 2x2 block nearer to d[low].
        var g = (d[low + 1] - d[low]) / (2 * e[low]);
        g = d[high] - d[low] + (e[low] / (g + Math.CopySign(double.Hypot(g, 1), g)));
        double s = 1, c = 1, p = 0;
        for (var i = high - 1; i >= low; i--)
        {
            var f = s * e[i];
            var b = c * e[i];
            var r = double.Hypot(f, g);
            e[i + 1] = r;
            if (r == 0)
            {
                // The bulge vanished: the matrix splits here.
                d[i + 1] -= p;
                e[high] = 0;
                return;
            }

            s = f / r;
            c = g / r;
            g = d[i + 1] - p;
            r = ((d[i] - g) * s) + (2 * c * b);
            p = s * r;
            d[i + 1] = g + p;
            g = (c * r) - b;
            Rotate(i, s, c);
        }

        d[low] -= p;
        e[low] = g;
        e[high] = 0;
    }

    private void Rotate(int i, double s, double c)
    {
        var upper = Vectors.AsSpan(i * n, n);
        var lower = Vectors.AsSpan((i + 1) * n, n);
        for (var k = 0; k < n; k++)
        {
            var (x, y) = (upper[k], lower[k]);
            lower[k] = (s * x) + (c * y);
            upper[k] = (c * x) - (s * y);
        }
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
