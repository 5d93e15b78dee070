using System.Diagnostics;
using SmtWeb.Data.Batches;
using SmtWeb.Data.Formats;
using SmtWeb.Measures;
using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests.Metrics;

public sealed class MetricsTests : TensorTest
{
    [Fact]
    public void Frechet_OneTwentyEightDimensionsDeficient_IsZeroToItselfAndQuick()
    {
        var (mean, covariance) = Draw(seed: 1, count: 60, dimension: 128, shift: 0);
        var (otherMean, otherCovariance) = Draw(seed: 2, count: 5000, dimension: 128, shift: 1);
        var watch = Stopwatch.StartNew();
        Assert.Equal(0, FrechetDistance.Between(mean, covariance, mean, covariance).Value, 6);
        var there = FrechetDistance.Between(mean, covariance, otherMean, otherCovariance).Value;
        var back = FrechetDistance.Between(otherMean, otherCovariance, mean, covariance).Value;
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(3), $"Three distances took {watch.Elapsed}.");
        Assert.InRange(there, 128, 400);
        Assert.Equal(there, back, 4);
    }

    [Fact]
    public void RunningMoments_FarFromZero_KeepsTheVariance()
    {
        var moments = new RunningMoments(1);
        moments.Add([1e6f, 1e6f + 1, 1e6f + 2]);
        Assert.Equal(1e6 + 1, Assert.Single(moments.Mean()), 9);
        Assert.Equal(1, Assert.Single(moments.Covariance()), 9);
    }

    [Fact]
    public void RunningMoments_NaN_NamesTheSample() =>
        Assert.Contains("sample 1", Assert.Throws<InvalidDataException>(() => new RunningMoments(2).Add([1, 2, 3, float.NaN])).Message);

    [Fact]
    public void SlicedWasserstein_ShiftedSet_IsTheShiftOverRootTwo()
    {
        // For a translation by v, the mean over directions of (v·θ)² is ‖v‖²/2.
        var points = SwissRoll.Draw(new HostRandom(3), 2000, 0.25);
        var shifted = points.Select((p, i) => p + (i % 2 == 0 ? 3f : 4f)).ToArray();
        Assert.Equal(0, SlicedWasserstein.Distance(points, points));
        Assert.Equal(5 / Math.Sqrt(2), SlicedWasserstein.Distance(points, shifted), 4);
    }

    [Fact]
    public void SlicedWasserstein_SameDistribution_IsFarBelowAnotherOne()
    {
        var a = SwissRoll.Draw(new HostRandom(1), 5000, 0.25);
        var b = SwissRoll.Draw(new HostRandom(2), 5000, 0.25);
        var random = new HostRandom(3);
        var normal = Enumerable.Range(0, 10_000).Select(_ => (float)random.NextNormal()).ToArray();
        Assert.InRange(SlicedWasserstein.Distance(a, b), 0, 0.05);
        Assert.InRange(SlicedWasserstein.Distance(a, normal), 0.1, 2);
    }

    private static (double[] Mean, double[] Covariance) Draw(ulong seed, int count, int dimension, double shift)
    {
        var random = new HostRandom(seed);
        var moments = new RunningMoments(dimension);
        moments.Add([.. Enumerable.Range(0, count * dimension).Select(_ => (float)(random.NextNormal() + shift))]);
        return (moments.Mean(), moments.Covariance());
    }
}
