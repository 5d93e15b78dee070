using System.Text.Json;
using System.Text.Json.Serialization;
using SmtWeb.Data.Formats;
using SmtWeb.Measures.Statistics;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Worker.Evaluation;

/// <summary>
/// First line of standard input of the process that measures a data set for neighbours: the run's spec (of which the data
/// count), the folder of metrics, the CPU threads. The pipe stays open after it: its end tells the process to end.
/// </summary>
public sealed record NeighbourJob(string Spec, string MetricsFolder, int Threads)
{
    /// <summary>One line of JSON.</summary>
    public string Write() => JsonSerializer.Serialize(this);

    /// <summary>Reads the line.</summary>
    /// <exception cref="InvalidDataException">It is not what a node sends.</exception>
    public static NeighbourJob Read(string? line)
    {
        try
        {
            return (line is null ? null : JsonSerializer.Deserialize<NeighbourJob>(line)) ?? throw new JsonException("nothing came");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException(
                $"`neighbours --job` is started by a node, which sends its instructions on standard input ({e.Message}). By hand: "
                    + "smtweb neighbours --dataset DATASET",
                e
            );
        }
    }

    /// <summary>The data that are to be measured.</summary>
    internal DataSpec Data => SpecJson.ReadStored(Spec).Data;
}

/// <summary>A line that this process writes: progress, and at the end the path of the index or the problem.</summary>
public sealed record NeighbourEvent(string? What, long Done, long Total, string? Index, string? Problem)
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>Progress.</summary>
    public static NeighbourEvent Of(MeasureProgress progress) => new(progress.What, progress.Done, progress.Total, null, null);

    /// <summary>One line of JSON.</summary>
    public string Write() => JsonSerializer.Serialize(this, Options);

    /// <summary>Reads a line; null for anything else that the process may have written.</summary>
    public static NeighbourEvent? TryRead(string line)
    {
        try
        {
            return line.StartsWith('{') ? JsonSerializer.Deserialize<NeighbourEvent>(line, Options) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
