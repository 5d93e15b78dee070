using System.Text.Json;
using System.Text.Json.Serialization;
using SmtWeb.Data.Formats;

namespace SmtWeb.Worker.Datasets;

/// <summary>
/// One line that <c>smtweb dataset check --events</c> writes for the worker that started it: progress, and at the end
/// either the report with its picture of samples, or the problem.
/// </summary>
public sealed record CheckEvent(string? Phase, long Done, long Total, DatasetReport? Report, byte[]? Samples, string? Problem)
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>Progress.</summary>
    public static CheckEvent Of(CheckProgress progress) => new(progress.Phase, progress.Done, progress.Total, null, null, null);

    /// <summary>One line of JSON.</summary>
    public string Write() => JsonSerializer.Serialize(this, Options);

    /// <summary>Reads a line; null for anything else that the process may have written.</summary>
    public static CheckEvent? TryRead(string line)
    {
        try
        {
            return line.StartsWith('{') ? JsonSerializer.Deserialize<CheckEvent>(line, Options) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
