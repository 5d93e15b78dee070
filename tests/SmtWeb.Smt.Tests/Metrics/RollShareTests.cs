using SmtWeb.Data.Batches;
using SmtWeb.Data.Formats;
using SmtWeb.Measures;

namespace SmtWeb.Smt.Tests.Metrics;

public sealed class RollShareTests
{
    [Fact]
    public void Off_TheDataThemselves_AreOnTheRoll_AndNoiseIsNot()
    {
        var data = SwissRoll.Draw(new HostRandom(3), 10_000, noise: 0.25);
        Assert.InRange(RollShare.Off(data, 0.25), 0, 0.001);
        Assert.InRange(RollShare.Off(SwissRoll.Draw(new HostRandom(3), 10_000, noise: 2), 0.25), 0.5, 0.9);
        Assert.Equal(1, RollShare.Off([float.NaN, 0, 50, 50], 0.25));
    }

    [Theory]
    [InlineData(0.3)]
    [InlineData(0.7)]
    public void Distance_OfAPointMovedOffTheCurve_IsHowFarItMoved(double u)
    {
        // along the normal of t (cos t, sin t), by less than half the distance between the windings
        var t = 1.5 * Math.PI * (1 + (2 * u));
        var (sin, cos) = Math.SinCos(t);
        var (tx, ty) = (cos - (t * sin), sin + (t * cos));
        var length = Math.Sqrt((tx * tx) + (ty * ty));
        Assert.Equal(0, RollShare.Distance(t * cos / 7.5, t * sin / 7.5), 1e-4);
        Assert.Equal(0.2, RollShare.Distance((t * cos / 7.5) + (0.2 * ty / length), (t * sin / 7.5) - (0.2 * tx / length)), 1e-3);
    }
}
