using SmtWeb.Smt.Metrics;
using SmtWeb.Smt.Tests.Golden;

namespace SmtWeb.Smt.Tests.Metrics;

public sealed class GoldenMetricsTests
{
    public static TheoryData<string> Frechet => GoldenCase.OfKind("frechet");

    public static TheoryData<string> FidStats => GoldenCase.OfKind("fid_stats");

    [Theory]
    [MemberData(nameof(Frechet))]
    public void Between_GoldenCase_GivesItsDistance(string id)
    {
        var golden = GoldenCase.Load(id);
        double[] mu1, sigma1, mu2, sigma2;
        if (golden.HasInput("features_1"))
        {
            (mu1, sigma1) = Moments(golden.Input("features_1"), int.MaxValue);
            (mu2, sigma2) = Moments(golden.Input("features_2"), int.MaxValue);
            golden.Expect("mu_1").Verify(mu1);
            golden.Expect("sigma_1").Verify(sigma1);
            golden.Expect("mu_2").Verify(mu2);
            golden.Expect("sigma_2").Verify(sigma2);
        }
        else
        {
            (mu1, sigma1) = (golden.Input("mu_1").Doubles, golden.Input("sigma_1").Doubles);
            (mu2, sigma2) = (golden.Input("mu_2").Doubles, golden.Input("sigma_2").Doubles);
        }

        var distance = FrechetDistance.Between(mu1, sigma1, mu2, sigma2);
        golden.Expect("fid").Verify(distance.Value);
        golden.Expect("fid_symmetric").Verify(distance.Value);
        golden.Expect("mean_term").Verify(distance.MeanTerm);
        golden.Expect("trace_sqrt").Verify(distance.TraceSqrt);
    }

    [Theory]
    [MemberData(nameof(FidStats))]
    public void RunningMoments_GoldenCaseInBatches_GivesItsMoments(string id)
    {
        var golden = GoldenCase.Load(id);
        var (mu, sigma) = Moments(golden.Input("features"), golden.Config.GetProperty("batch").GetInt32());
        golden.Expect("mu").Verify(mu);
        golden.Expect("sigma").Verify(sigma);

        // The released script's known error, so that its figures can be converted: accumulators start from ones.
        var n = golden.Config.GetProperty("n").GetInt32();
        golden.Expect("sigma_smt_script").Verify(Array.ConvertAll(sigma, s => s + (1.0 / (n - 1))));
    }

    private static (double[] Mean, double[] Covariance) Moments(GoldenTensor features, int batch)
    {
        var dimension = (int)features.Shape[1];
        var moments = new RunningMoments(dimension);
        foreach (var part in features.Floats.Chunk((int)Math.Min(features.Count, (long)batch * dimension))) moments.Add(part);
        return (moments.Mean(), moments.Covariance());
    }
}
