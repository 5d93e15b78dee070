using System.Globalization;
using System.Text.Json;

namespace SmtWeb.Smt.Training;

/// <summary>Checkpoints of a run in a folder: <c>00000500.safetensors</c> by iteration, their facts in <c>index.jsonl</c>.</summary>
internal sealed class FolderCheckpoints
{
    private const string Extension = ".safetensors";

    private readonly string folder;
    private readonly int kept;
    private readonly Dictionary<long, double> distances = [];

    public FolderCheckpoints(string folder, int kept)
    {
        (this.folder, this.kept) = (folder, kept);
        foreach (var (iteration, distance) in ReadIndex()) distances[iteration] = distance;
    }

    /// <summary>The newest complete checkpoint. Files are renamed into place when they are whole, so the name is proof.</summary>
    public (long Iteration, string Path)? Last => All().Select(c => ((long, string)?)c).LastOrDefault();

    public void Add(CheckpointRecord checkpoint, Action<Stream> write, JsonSerializerOptions lines)
    {
        Directory.CreateDirectory(folder);
        FolderJournal.WriteWhole(Path.Combine(folder, checkpoint.Iteration.ToString("D8", CultureInfo.InvariantCulture) + Extension), write);
        File.AppendAllText(IndexPath, JsonSerializer.Serialize(checkpoint, lines) + "\n");
        if (checkpoint.Distance is { } distance) distances[checkpoint.Iteration] = distance;
        Prune();
    }

    private string IndexPath => Path.Combine(folder, "index.jsonl");

    /// <summary>Removes the oldest beyond the number kept, but never the best by distance.</summary>
    private void Prune()
    {
        var all = All();
        var best = all.Where(c => distances.ContainsKey(c.Iteration) && double.IsFinite(distances[c.Iteration]))
            .OrderBy(c => distances[c.Iteration]).Select(c => c.Path).FirstOrDefault();
        foreach (var (_, path) in all.Take(Math.Max(0, all.Count - kept)).Where(c => c.Path != best)) File.Delete(path);
    }

    private List<(long Iteration, string Path)> All() => !Directory.Exists(folder) ? [] :
        [.. Directory.EnumerateFiles(folder, "*" + Extension)
            .Select(path => (Parsed: long.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out var i), Iteration: i, Path: path))
            .Where(c => c.Parsed).Select(c => (c.Iteration, c.Path)).OrderBy(c => c.Iteration)];

    private IEnumerable<(long Iteration, double Distance)> ReadIndex()
    {
        if (!File.Exists(IndexPath)) yield break;
        foreach (var line in File.ReadLines(IndexPath))
        {
            // A crash may have cut the last line off; the checkpoint itself is whole, only its distance is unknown.
            JsonDocument json;
            try
            {
                json = JsonDocument.Parse(line);
            }
            catch (JsonException)
            {
                continue;
            }

            using (json)
                if (json.RootElement.TryGetProperty("distance", out var distance) && distance.ValueKind == JsonValueKind.Number)
                    yield return (json.RootElement.GetProperty("iteration").GetInt64(), distance.GetDouble());
        }
    }
}
