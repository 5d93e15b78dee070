using SmtWeb.Smt.Session;

namespace SmtWeb.Smt.Tests.Training;

/// <summary>When a distance says that a run has come apart.</summary>
public sealed class ExplosionTests
{
    [Theory]
    [InlineData(null, 1.0, null)]
    [InlineData(5.0, null, null)]
    [InlineData(999.0, 1.0, null)]
    [InlineData(1000.0, 1.0, "1,000 times the best")]
    [InlineData(4459383.0, 0.5, "8,918,766 times the best")]
    [InlineData(double.NaN, null, "not finite")]
    [InlineData(double.PositiveInfinity, 1.0, "not finite")]
    [InlineData(5.0, 0.0, null)]
    public void Describe_Distance_SaysWhatIsWrong(double? distance, double? best, string? words) =>
        Assert.Equal(words, Explosion.Describe(distance, best));
}
