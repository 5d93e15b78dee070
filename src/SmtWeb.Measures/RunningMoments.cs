using SmtWeb.Torch;

namespace SmtWeb.Measures;

/// <summary>
/// Mean and covariance (divisor n - 1) of feature vectors that come in batches, in float64. Sums are taken relative to the
/// first vector, so that features far from zero do not cancel.
/// </summary>
public sealed class RunningMoments(int dimension)
{
    private readonly double[] _origin = new double[dimension];
    private readonly double[] _sum = new double[dimension];
    private readonly double[] _products = new double[dimension * dimension];
    private readonly double[] _row = new double[dimension];

    // From here on a matrix product is worth its call: 2048 dimensions take 8 MFLOP a vector.
    private const int ProductsFrom = 256;

    /// <summary>Length of a feature vector.</summary>
    public int Dimension => dimension;

    /// <summary>Vectors added so far.</summary>
    public long Count { get; private set; }

    /// <summary>Adds vectors, [n, dimension] row-major.</summary>
    /// <exception cref="ArgumentException">The length is no multiple of the dimension.</exception>
    /// <exception cref="InvalidDataException">A feature is NaN or infinite; names the vector.</exception>
    public void Add(ReadOnlySpan<float> features)
    {
        if (features.Length % dimension != 0)
        {
            throw new ArgumentException($"{features.Length} numbers are no whole number of vectors of {dimension}.", nameof(features));
        }
        for (var start = 0; start < features.Length; start += dimension)
        {
            var vector = features.Slice(start, dimension);
            for (var i = 0; i < dimension; i++)
            {
                if (!float.IsFinite(vector[i]))
                {
                    throw new InvalidDataException($"Feature {i} of sample {Count} is {vector[i]}; the distance is undefined.");
                }
                if (Count == 0)
                {
                    _origin[i] = vector[i];
                }
                _row[i] = vector[i] - _origin[i];
                _sum[i] += _row[i];
            }

            if (dimension < ProductsFrom)
            {
                AddProducts();
            }
            Count++;
        }

        if (dimension >= ProductsFrom)
        {
            AddProducts(features);
        }
    }

    private void AddProducts()
    {
        for (var i = 0; i < dimension; i++)
        {
            var factor = _row[i];
            var target = _products.AsSpan(i * dimension, i + 1);
            for (var j = 0; j < target.Length; j++)
            {
                target[j] += factor * _row[j];
            }
        }
    }

    private void AddProducts(ReadOnlySpan<float> features)
    {
        if (features.IsEmpty)
        {
            return;
        }
        TorchRuntime.Initialize();
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var x = Tensors.Of(features, [features.Length / dimension, dimension]).to(ScalarType.Float64) - Tensors.Of(_origin, [dimension]);
        var added = x.transpose(0, 1).matmul(x).ToArray<double>();
        for (var k = 0; k < added.Length; k++)
        {
            _products[k] += added[k];
        }
    }

    /// <summary>The mean.</summary>
    public double[] Mean()
    {
        var mean = new double[dimension];
        for (var i = 0; i < dimension; i++)
        {
            mean[i] = _origin[i] + (_sum[i] / Count);
        }
        return mean;
    }

    /// <summary>
    /// The covariance as the evaluation script released with the paper computes it: its sums of products start from a
    /// matrix of ones, so that every entry is 1/(n - 1) too large. Only for comparing with figures of that script.
    /// </summary>
    public double[] CovarianceOfReleasedScript() => Array.ConvertAll(Covariance(), v => v + (1.0 / (Count - 1)));

    /// <summary>The covariance, [dimension, dimension] row-major.</summary>
    /// <exception cref="InvalidOperationException">There are fewer than two vectors.</exception>
    public double[] Covariance()
    {
        if (Count < 2)
        {
            throw new InvalidOperationException($"A covariance needs two samples at least; there are {Count}.");
        }
        var covariance = new double[dimension * dimension];
        for (var i = 0; i < dimension; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                covariance[(i * dimension) + j] = covariance[(j * dimension) + i] =
                    (_products[(i * dimension) + j] - (_sum[i] * _sum[j] / Count)) / (Count - 1);
            }
        }
        return covariance;
    }
}
