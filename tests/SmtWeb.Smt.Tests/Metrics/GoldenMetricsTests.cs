using System.Text.Json;
using SmtWeb.Measures;
using SmtWeb.Smt.Tests.Golden;

namespace SmtWeb.Smt.Tests.Metrics;

[Trait("Category", "Golden")]
public sealed class GoldenMetricsTests : TensorTest
{
    public static TheoryData<string> Frechet => GoldenCase.OfKind("frechet");

    public static TheoryData<string> FidStats => GoldenCase.OfKind("fid_stats");

    public static TheoryData<string> Kid => GoldenCase.OfKind("kid");

    public static TheoryData<string> Prc => GoldenCase.OfKind("prc");

    public static TheoryData<string> Scores => GoldenCase.OfKind("inception_score");

    [Theory]
    [MemberData(nameof(Frechet))]
    public void Between_GoldenCase_GivesItsDistance(string id)
    {
        var golden = GoldenCase.Load(id);
        double[] mu1,
            sigma1,
            mu2,
            sigma2;
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
        golden.Expect("fid_pytorch_fid").Verify(distance.Value);
        golden.Expect("fid_torch_fidelity").Verify(distance.Value);
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

        golden
            .Expect("sigma_smt_script")
            .Verify(MomentsOf(golden.Input("features"), golden.Config.GetProperty("batch").GetInt32()).CovarianceOfReleasedScript());
    }

    [Theory]
    [MemberData(nameof(Kid))]
    public void KernelDistance_GoldenCase_GivesItsDistances(string id)
    {
        var golden = GoldenCase.Load(id);
        var c = golden.Config;
        var gamma = c.GetProperty("gamma");
        var kernel = new KernelDistance(
            c.Int("degree", 3),
            c.Double("coef0", 1),
            gamma.ValueKind == JsonValueKind.Number ? gamma.GetDouble() : 0
        );
        Assert.True(gamma.ValueKind == JsonValueKind.Number || gamma.GetString() == "1/dim", $"{id}: gamma {gamma} is not known");
        FeatureSet x = Features(golden, "features_1"),
            y = Features(golden, "features_2");
        golden.Expect("kid_full").Verify(kernel.Full(x, y));
        if (golden.Expects("kid_torch_fidelity"))
        {
            golden.Expect("kid_torch_fidelity").Verify(kernel.Full(x, y));
        }
        var subsets = kernel.Subsets(x, y, Rows(golden.Input("subset_1")), Rows(golden.Input("subset_2")));
        golden.Expect("kid_subsets").Verify([.. subsets.Values]);
        golden.Expect("kid_mean").Verify(subsets.Mean);
        golden.Expect("kid_std").Verify(subsets.StandardDeviation);
    }

    [Theory]
    [MemberData(nameof(Prc))]
    public void PrecisionRecall_GoldenCase_GivesItsShares(string id)
    {
        var golden = GoldenCase.Load(id);
        var actual = PrecisionRecall.Of(Features(golden, "generated"), Features(golden, "real"), golden.Config.GetProperty("k").GetInt32());
        golden.Expect("radius_real").Verify(actual.RadiusReal);
        golden.Expect("radius_generated").Verify(actual.RadiusGenerated);
        golden.Expect("generated_inside").Verify(actual.GeneratedInside);
        golden.Expect("real_covered").Verify(actual.RealCovered);
        golden.Expect("precision").Verify(actual.Precision);
        golden.Expect("recall").Verify(actual.Recall);
    }

    [Theory]
    [MemberData(nameof(Scores))]
    public void InceptionScore_GoldenCase_GivesItsScores(string id)
    {
        var golden = GoldenCase.Load(id);
        var logits = golden.Input("logits");
        foreach (var splits in golden.Config.GetProperty("splits").EnumerateArray().Select(s => s.GetInt32()))
        {
            var score = InceptionScore.Of(logits.Floats, (int)logits.Shape[1], splits);
            golden.Expect($"is_mean_splits{splits}").Verify(score.Mean);
            golden.Expect($"is_std_splits{splits}").Verify(score.StandardDeviation);
        }
    }

    private static FeatureSet Features(GoldenCase golden, string name) => new(golden.Input(name).Floats, (int)golden.Input(name).Shape[1]);

    private static IReadOnlyList<IReadOnlyList<int>> Rows(GoldenTensor rows) =>
        [.. rows.Longs.Chunk((int)rows.Shape[1]).Select(r => (IReadOnlyList<int>)Array.ConvertAll(r, k => (int)k))];

    private static RunningMoments MomentsOf(GoldenTensor features, int batch)
    {
        var dimension = (int)features.Shape[1];
        var moments = new RunningMoments(dimension);
        foreach (var part in features.Floats.Chunk((int)Math.Min(features.Count, (long)batch * dimension)))
        {
            moments.Add(part);
        }
        return moments;
    }

    private static (double[] Mean, double[] Covariance) Moments(GoldenTensor features, int batch)
    {
        var moments = MomentsOf(features, batch);
        return (moments.Mean(), moments.Covariance());
    }
}
