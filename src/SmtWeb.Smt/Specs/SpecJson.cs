using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>
/// Specs as JSON: camelCase, strict. Only the six groups and the kinds are required; any other member left out has its
/// default. Every error is reported at once, with its JSON path.
/// </summary>
public static class SpecJson
{
    /// <summary>Reads and validates a spec. The spec is null exactly where there are errors.</summary>
    public static (TrainingSpec? Spec, IReadOnlyList<SpecError> Errors) Parse(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return Parse(document.RootElement);
        }
        catch (JsonException e)
        {
            return (null, [NotJson(e)]);
        }
    }

    /// <inheritdoc cref="Parse(string)"/>
    public static (TrainingSpec? Spec, IReadOnlyList<SpecError> Errors) Parse(JsonElement json)
    {
        var errors = new List<SpecError>();
        WellFormed.Check(json, "$", errors);
        if (errors.Count > 0)
        {
            return (null, errors);
        }
        new SpecWalker(errors, partial: false).Record(json, typeof(TrainingSpec), "$", null);
        if (errors.Count > 0)
        {
            return (null, errors);
        }
        var spec = json.Deserialize<TrainingSpec>(SpecSchema.Compact)!;
        var wrong = SpecValidation.Validate(spec);
        return wrong.Count > 0 ? (null, wrong) : (spec, []);
    }

    /// <summary>
    /// Reads a spec that was validated when it was stored. Ranges are not checked again, so that a rule made stricter
    /// later does not hide an old run.
    /// </summary>
    /// <exception cref="SpecException">The text is not a spec of this version.</exception>
    public static TrainingSpec ReadStored(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<TrainingSpec>(json, SpecSchema.Compact) ?? throw new JsonException("null is not a spec.");
        }
        catch (JsonException e)
        {
            throw new SpecException([new SpecError(e.Path ?? "$", e.Message)]);
        }
        catch (NotSupportedException e)
        {
            throw new SpecException([new SpecError("$", e.Message)]); // a kind is not named
        }
    }

    /// <summary>Canonical text: every member, in order of declaration, indented.</summary>
    /// <exception cref="ArgumentException">A number is NaN or infinite, which JSON cannot hold.</exception>
    public static string Write(TrainingSpec spec) => JsonSerializer.Serialize(spec, SpecSchema.Indented) + "\n";

    /// <summary>
    /// The part of a spec that distils a teacher, as <see cref="Merge"/> and REST take it: the network whole, of the method what
    /// is not its default.
    /// </summary>
    public static string WritePatch(SmdSpec method, NetworkSpec network) =>
        new JsonObject
        {
            ["method"] = new JsonObject { [SpecSchema.Kind] = SpecCatalog.KindOf(method), ["teacher"] = method.Teacher },
            ["network"] = JsonSerializer.SerializeToNode(network, SpecSchema.Compact),
        }.ToJsonString(SpecSchema.Compact);

    /// <summary>
    /// Lower-case SHA-256 of the canonical compact text: equal for equal specs, whatever the order of members, the
    /// white space or the defaults left out in the text that they were read from.
    /// </summary>
    public static string Hash(TrainingSpec spec) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(spec, SpecSchema.Compact))));

    /// <summary>
    /// A spec with some members replaced: <paramref name="patch"/> has the shape of a spec with any members left out.
    /// Another <c>kind</c> starts from that kind's defaults. The spec is null exactly where there are errors.
    /// </summary>
    public static (TrainingSpec? Spec, IReadOnlyList<SpecError> Errors) Merge(TrainingSpec spec, JsonElement patch)
    {
        var errors = new List<SpecError>();
        WellFormed.Check(patch, "$", errors);
        if (errors.Count > 0)
        {
            return (null, errors);
        }
        new SpecWalker(errors, partial: true).Record(patch, typeof(TrainingSpec), "$", spec);
        if (errors.Count > 0)
        {
            return (null, errors);
        }

        var merged = JsonSerializer.SerializeToNode(spec, SpecSchema.Compact)!.AsObject();
        Apply(merged, patch);
        using var document = JsonDocument.Parse(merged.ToJsonString());
        return Parse(document.RootElement);
    }

    private static void Apply(JsonObject target, JsonElement patch)
    {
        if (patch.TryGetProperty(SpecSchema.Kind, out var kind) && target[SpecSchema.Kind]?.GetValue<string>() != kind.GetString())
        {
            target.Clear();
        }
        foreach (var property in patch.EnumerateObject())
        {
            if (property.Value.ValueKind == JsonValueKind.Object && target[property.Name] is JsonObject inner)
            {
                Apply(inner, property.Value);
            }
            else
            {
                target[property.Name] = JsonNode.Parse(property.Value.GetRawText());
            }
        }
    }

    private static SpecError NotJson(JsonException e) =>
        new(
            string.IsNullOrEmpty(e.Path) ? "$" : e.Path,
            $"This is not JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}): {e.Message.Split(" LineNumber:")[0]}"
        );
}
