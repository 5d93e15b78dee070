using System.Globalization;

namespace SmtWeb.Smt.Session;

/// <summary>
/// When a distance says that a run has come apart although its losses are still finite. The trainer, the record of the evaluation and the
/// table of runs all go by this.
/// </summary>
public static class Explosion
{
    /// <summary>So many times the smallest distance of the run is no fluctuation.</summary>
    public const double Factor = 1000;

    /// <summary>
    /// What is wrong, in words; null where nothing is. <paramref name="best"/> is the smallest distance of before, where there was one.
    /// </summary>
    public static string? Describe(double? distance, double? best) =>
        distance switch
        {
            null => null,
            { } value when !double.IsFinite(value) => "not finite",
            { } value when best is > 0 && value >= Factor * best => string.Create(
                CultureInfo.InvariantCulture,
                $"{Math.Round(value / best.Value):N0} times the best"
            ),
            _ => null,
        };
}
