using SmtWeb.Data.Batches;
using SmtWeb.Torch;

namespace SmtWeb.Measures;

/// <summary>
/// Sliced Wasserstein-2 distance of images in pixel space (values in [-1,1]): 64 fixed random directions, the root of the
/// mean squared difference of the sorted projections. Needs no network, so that every data set has a curve from the first
/// evaluation on; it sees colours and coarse shapes only, and is no substitute for FID.
/// </summary>
public static class PixelWasserstein
{
    /// <summary>Directions.</summary>
    public const int Directions = 64;

    private const int Chunk = 256;

    /// <summary>
    /// Sorted projections [Directions][count] of images that <paramref name="draw"/>(first, n) gives as floats [n,…] of
    /// <paramref name="size"/> values each.
    /// </summary>
    public static float[][] Project(Func<int, int, Tensor> draw, int count, int size, Device device)
    {
        using var outer = torch.NewDisposeScope();
        var directions = Tensors.Of(UnitDirections(size), [size, Directions], device);
        var projected = Enumerable.Range(0, Directions).Select(_ => new float[count]).ToArray();
        for (var first = 0; first < count; first += Chunk)
        {
            using var scope = torch.NewDisposeScope();
            var n = Math.Min(Chunk, count - first);
            var values = draw(first, n).to(ScalarType.Float32).reshape(n, size).matmul(directions).ToArray<float>();
            for (var i = 0; i < n; i++)
            {
                for (var d = 0; d < Directions; d++)
                {
                    projected[d][first + i] = values[(i * Directions) + d];
                }
            }
        }

        foreach (var line in projected)
        {
            Array.Sort(line);
        }
        return projected;
    }

    /// <summary>Distance of two sets of equally many projected images.</summary>
    public static double Distance(float[][] first, float[][] second)
    {
        var total = 0.0;
        for (var d = 0; d < Directions; d++)
        {
            for (var i = 0; i < first[d].Length; i++)
            {
                total += (first[d][i] - (double)second[d][i]) * (first[d][i] - (double)second[d][i]);
            }
        }
        return Math.Sqrt(total / first[0].Length / Directions);
    }

    // the same directions in every run
    private static float[] UnitDirections(int size)
    {
        var random = new HostRandom(seed: 0, stream: 6);
        var directions = new float[size * Directions];
        for (var d = 0; d < Directions; d++)
        {
            var line = new double[size];
            for (var i = 0; i < size; i++)
            {
                line[i] = random.NextNormal();
            }
            var norm = Math.Sqrt(line.Sum(v => v * v));
            for (var i = 0; i < size; i++)
            {
                directions[(i * Directions) + d] = (float)(line[i] / norm);
            }
        }

        return directions;
    }
}
