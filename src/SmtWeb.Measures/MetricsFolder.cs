namespace SmtWeb.Measures;

/// <summary>
/// The folder of what metrics need: the operator puts the Inception file into it, SmtWeb keeps computed statistics in
/// <c>cache</c> below it. <c>SMTWEB_METRICS</c> names it; without, it is <c>data/metrics</c> where the program was started.
/// </summary>
public static class MetricsFolder
{
    /// <summary>Environment variable that names the folder; evaluations inherit it from their worker.</summary>
    public const string Variable = "SMTWEB_METRICS";

    /// <summary>The folder, absolute.</summary>
    public static string Default =>
        Path.GetFullPath(Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named ? named : Path.Combine("data", "metrics"));
}
