using System.Text.Json;

namespace SmtWeb.Worker.Training;

/// <summary>
/// First line of a trainer's standard input. The connection string goes here because a command line is readable by
/// everybody on the machine. The pipe stays open after it: a line more tells the trainer to leave and why, its end that the
/// worker is gone.
/// </summary>
public sealed record TrainerInstructions(
    string ConnectionString,
    int Threads,
    double LeaseSeconds,
    double PatienceSeconds,
    double StallSeconds
)
{
    /// <summary>What a worker of these <paramref name="options"/> sends.</summary>
    public static TrainerInstructions Of(WorkerOptions options, int threads) =>
        new(options.ConnectionString, threads, options.Lease.TotalSeconds, options.Patience.TotalSeconds, options.StallLimit.TotalSeconds);

    /// <summary>One line of JSON.</summary>
    public string Write() => JsonSerializer.Serialize(this);

    /// <summary>Reads the line.</summary>
    /// <exception cref="InvalidDataException">It is not what a worker sends.</exception>
    public static TrainerInstructions Read(string? line)
    {
        try
        {
            return (line is null ? null : JsonSerializer.Deserialize<TrainerInstructions>(line)) ?? throw new JsonException("nothing came");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException(
                $"`train --run` is started by a worker, which sends its instructions on standard input ({e.Message}). To train without "
                    + "a database: smtweb train spec.json --out folder",
                e
            );
        }
    }
}
