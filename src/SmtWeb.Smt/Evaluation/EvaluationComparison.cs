using SmtWeb.Smt.Session;

namespace SmtWeb.Smt.Evaluation;

/// <summary>Whether two distances may be compared, and if not, in what they differ.</summary>
public static class EvaluationComparison
{
    /// <summary>What differs between the conditions of two records, in words; empty where their values compare.</summary>
    public static IReadOnlyList<string> Differences(EvaluationRecord a, EvaluationRecord b)
    {
        var differences = new List<string>();
        Compare("metric", a.Metric, b.Metric);
        Compare("images", $"{a.Samples:N0}", $"{b.Samples:N0}");
        Compare("repeats", $"{a.Repeats}", $"{b.Repeats}");
        Compare("first seed", $"{a.FirstSeed}", $"{b.FirstSeed}");
        Compare("labels", a.LabelDistribution, b.LabelDistribution);
        Compare("steps per image", $"{a.Steps}", $"{b.Steps}");
        Compare("weights", a.Weights, b.Weights);
        Compare("rounding", a.Rounding, b.Rounding);
        Compare("resize", a.Resize, b.Resize);
        Compare("reference", Short(a.ReferenceHash), Short(b.ReferenceHash));
        Compare("feature network", Short(a.FeatureNetworkHash), Short(b.FeatureNetworkHash));
        return differences;

        void Compare(string what, string first, string second)
        {
            if (first != second)
            {
                differences.Add($"{what}: {Shown(first)} and {Shown(second)}");
            }
        }
    }

    private static string Short(string hash) => hash.Length > 12 ? hash[..12] : hash;

    private static string Shown(string value) => value.Length == 0 ? "none" : value;
}
