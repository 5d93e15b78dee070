using SmtWeb.Runs;

namespace SmtWeb.Web.Panel.RunView;

/// <summary>
/// An evaluation as js/charts.js draws it: places on the three axes, the value (null where it is not finite: JSON has no
/// NaN), and what it was measured with.
/// </summary>
internal sealed record CurveEvaluation(
    long Id, string Metric, long Iteration, long Images, double Seconds, int Attempt, double? Value, int Samples, long FirstSeed,
    string Weights, string LabelDistribution, string Resize, string ReferenceHash, string FeatureNetworkHash)
{
    internal static CurveEvaluation From(RunEvaluation e) => new(
        // another protocol is another curve: its numbers do not compare with those of the trainer
        e.Id, e.Record.Protocol is "in-training" or "quick" ? e.Record.Metric : $"{e.Record.Metric}-{e.Record.Protocol}", e.Record.Iteration, e.Record.ImagesSeen, e.Record.Seconds, e.Attempt, double.IsFinite(e.Record.Value) ? e.Record.Value : null,
        e.Record.Samples, e.Record.FirstSeed, e.Record.Weights, e.Record.LabelDistribution, e.Record.Resize, e.Record.ReferenceHash, e.Record.FeatureNetworkHash);
}
