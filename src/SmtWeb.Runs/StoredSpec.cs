using System.Text.Json;
using System.Text.Json.Serialization;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Runs;

/// <summary>What the database keeps of specs and evaluations beside their own JSON.</summary>
internal static class StoredSpec
{
    private static readonly JsonSerializerOptions EvaluationOptions = new(JsonSerializerDefaults.Strict)
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>Iterations of the warm-up and of the training together, as the journal counts them.</summary>
    public static long TotalIterations(TrainingSpec spec) => (long)spec.Method.Warmup() + spec.Optimisation.Iterations;

    public static string WriteEvaluation(EvaluationRecord record) => JsonSerializer.Serialize(record, EvaluationOptions);

    public static EvaluationRecord ReadEvaluation(string json) =>
        JsonSerializer.Deserialize<EvaluationRecord>(json, EvaluationOptions)
        ?? throw new InvalidDataException("The stored evaluation is JSON null.");
}
