using System.Security.Cryptography;
using SmtWeb.Data.Weights;
using SmtWeb.Runs;
using SmtWeb.Runs.Database;

namespace SmtWeb.Chaos;

/// <summary>What must hold after every disturbance, and of every run that is finished.</summary>
internal sealed class Invariants(RunsDatabase database, IRunStore store)
{
    private static readonly (string What, string Sql)[] Always =
    [
        (
            "a point of a curve is there twice",
            "SELECT run_id, name, iteration FROM metrics WHERE NOT superseded GROUP BY run_id, name, iteration HAVING count(*) > 1"
        ),
        (
            "an evaluation is there twice",
            "SELECT run_id, iteration FROM evaluations WHERE NOT superseded GROUP BY run_id, iteration HAVING count(*) > 1"
        ),
        (
            "a visible checkpoint is not whole",
            """
            SELECT c.id FROM checkpoints c LEFT JOIN LATERAL (
                SELECT count(*) AS n, coalesce(sum(length(k.bytes)), 0) AS bytes, coalesce(bool_and(sha256(k.bytes) = k.sha256),
                    false) AS fine FROM checkpoint_chunks k WHERE k.checkpoint_id = c.id) k ON true
            WHERE c.complete AND (c.damaged OR k.n <> c.chunks OR k.bytes <> c.bytes OR NOT k.fine)
            """
        ),
        ("a run is finished twice", "SELECT run_id FROM events WHERE state = 'Finished' GROUP BY run_id HAVING count(*) > 1"),
        ("attempts of a run are not counted one by one", "SELECT run_id FROM attempts GROUP BY run_id HAVING count(*) <> max(number)"),
        (
            "two attempts of a run are open",
            "SELECT run_id FROM attempts a WHERE ended IS NULL AND number < (SELECT attempt FROM runs WHERE id = a.run_id)"
        ),
    ];

    /// <exception cref="BrokenInvariantException">One does not hold.</exception>
    public async Task CheckAsync(int queued)
    {
        foreach (var (what, sql) in Always)
        {
            await using var command = database.Source.CreateCommand(sql);
            await using var reader = await command.ExecuteReaderAsync();
            if (await reader.ReadAsync())
            {
                throw new BrokenInvariantException(
                    $"{what}: "
                        + $"{string.Join(", ", Enumerable.Range(0, reader.FieldCount).Select(i => $"{reader.GetName(i)} {reader.GetValue(i)}"))}"
                );
            }
        }

        await using var count = database.Source.CreateCommand("SELECT count(*) FROM runs");
        if ((long)(await count.ExecuteScalarAsync())! is var there && there != queued)
        {
            throw new BrokenInvariantException($"{queued} runs were queued, and {there} are there");
        }
    }

    /// <summary>A finished run has the numbers of its twin that nobody disturbed, bit for bit.</summary>
    /// <exception cref="BrokenInvariantException">It has not.</exception>
    public async Task CompareAsync(long run, RunFacts twin)
    {
        var facts = await ReadAsync(run);
        var (mine, its) = (facts.Points.ToHashSet(), twin.Points.ToHashSet());
        if (!mine.SetEquals(its))
        {
            throw new BrokenInvariantException(
                $"run {run} has other points than its twin: {Words(mine.Except(its))} instead of {Words(its.Except(mine))}"
            );
        }

        if (facts.Weights != twin.Weights)
        {
            throw new BrokenInvariantException($"the final weights of run {run} are not those of its twin");
        }

        static string Words(IEnumerable<(string Name, long Iteration, double Value)> points) =>
            string.Join(", ", points.Take(3).Select(p => $"{p.Name} {p.Value:R} at {p.Iteration}"));
    }

    /// <summary>What must be the same in every run of a spec: every point but the speeds, and the tensors of the last checkpoint.</summary>
    public async Task<RunFacts> ReadAsync(long run)
    {
        var points = (await store.MetricsAsync(run))
            .Points.Where(p => !p.Name.StartsWith("speed/", StringComparison.Ordinal))
            .Select(p => (p.Name, p.Iteration, p.Value))
            .ToList();
        var last =
            (await store.CheckpointsAsync(run)).LastOrDefault()
            ?? throw new BrokenInvariantException($"run {run} is finished without a checkpoint");
        await using var stream =
            await store.OpenCheckpointAsync(run, last.Id)
            ?? throw new BrokenInvariantException($"the last checkpoint of run {run} cannot be opened");
        using var file = new MemoryStream();
        await stream.CopyToAsync(file);
        if (Convert.ToHexStringLower(SHA256.HashData(file.ToArray())) != last.Sha256)
        {
            throw new BrokenInvariantException($"the last checkpoint of run {run} does not match its SHA-256");
        }

        file.Position = 0;
        var reader = SafetensorsReader.Open(file);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var entry in reader.Entries)
        {
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(entry.Name));
            hash.AppendData(reader.Read(entry));
        }

        return new(points, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }
}

/// <summary>The numbers of a run: its points, and a hash of its last checkpoint's tensors (the metadata tell times).</summary>
internal sealed record RunFacts(IReadOnlyList<(string Name, long Iteration, double Value)> Points, string Weights);
