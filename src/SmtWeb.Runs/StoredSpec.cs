using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using SmtWeb.Smt.Specs;
using SmtWeb.Smt.Training;

namespace SmtWeb.Runs;

/// <summary>How specs and evaluation records lie in the database.</summary>
internal static class StoredSpec
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Strict)
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        PropertyNameCaseInsensitive = false,
        AllowOutOfOrderMetadataProperties = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
    };

    public static string Write(TrainingSpec spec) => JsonSerializer.Serialize(spec, Options);

    public static TrainingSpec Read(string json) =>
        JsonSerializer.Deserialize<TrainingSpec>(json, Options) ?? throw new InvalidDataException("The stored spec is JSON null.");

    /// <summary>Iterations of the warm-up and of the training together, as the journal counts them.</summary>
    public static long TotalIterations(TrainingSpec spec) => (spec.Method is SmtSpec smt ? smt.WarmupIterations : 0L) + spec.Optimisation.Iterations;

    public static string Hash(string json) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(json)));

    public static string WriteEvaluation(EvaluationRecord record) => JsonSerializer.Serialize(record, Options);

    public static EvaluationRecord ReadEvaluation(string json) =>
        JsonSerializer.Deserialize<EvaluationRecord>(json, Options) ?? throw new InvalidDataException("The stored evaluation is JSON null.");
}
