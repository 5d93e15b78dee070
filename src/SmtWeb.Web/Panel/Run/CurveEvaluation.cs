using SmtWeb.Runs;
using SmtWeb.Smt.Evaluation;

namespace SmtWeb.Web.Panel.Run;

/// <summary>
/// An evaluation as js/charts.js draws it: places on the three axes, the value (null where it is not finite: JSON has no
/// NaN), and what it was measured with. <paramref name="Metric"/> names the curve that it is a point of.
/// </summary>
internal sealed record CurveEvaluation(
    long Id,
    string Metric,
    long Iteration,
    long Images,
    double Seconds,
    int Attempt,
    double? Value,
    int Samples,
    long FirstSeed,
    string Weights,
    string LabelDistribution,
    string Resize,
    string ReferenceHash,
    string FeatureNetworkHash
)
{
    private const string InTraining = "in-training";

    /// <summary>
    /// The evaluations of a run, oldest first. What was measured otherwise than the run's own distance is a curve of its own,
    /// named by its protocol (<c>fid-full-10k</c>): a line through unlike numbers would say something.
    /// </summary>
    internal static IEnumerable<CurveEvaluation> Of(IReadOnlyList<RunEvaluation> evaluations)
    {
        var own = (evaluations.FirstOrDefault(e => e.Record.Protocol == InTraining) ?? evaluations.FirstOrDefault())?.Record;
        return evaluations.Select(e =>
            From(e, e.Record.Protocol == own!.Protocol || EvaluationComparison.Differences(own, e.Record).Count == 0)
        );
    }

    private static CurveEvaluation From(RunEvaluation e, bool own) =>
        new(
            e.Id,
            own ? e.Record.Metric : $"{e.Record.Metric}-{e.Record.Protocol}",
            e.Record.Iteration,
            e.Record.ImagesSeen,
            e.Record.Seconds,
            e.Attempt,
            double.IsFinite(e.Record.Value) ? e.Record.Value : null,
            e.Record.Samples,
            e.Record.FirstSeed,
            e.Record.Weights,
            e.Record.LabelDistribution,
            e.Record.Resize,
            e.Record.ReferenceHash,
            e.Record.FeatureNetworkHash
        );
}
