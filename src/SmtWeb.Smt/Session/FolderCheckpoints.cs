using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using SmtWeb.Data.Files;
using SmtWeb.Data.Weights;

namespace SmtWeb.Smt.Session;

/// <summary>
/// Checkpoints of a run in a folder: <c>00000500.safetensors</c> by iteration, their facts and SHA-256 in <c>index.jsonl</c>.
/// </summary>
internal sealed class FolderCheckpoints
{
    private const string Extension = ".safetensors",
        Aside = ".damaged";

    private readonly string _folder;
    private readonly int _kept;
    private readonly Dictionary<long, double> _distances = [];

    // one written again at the same iteration has two, and a crash may have left either file
    private readonly Dictionary<long, HashSet<string>> _hashes = [];

    public FolderCheckpoints(string folder, int kept)
    {
        (_folder, _kept) = (folder, kept);
        foreach (var (iteration, distance, hash) in ReadIndex())
        {
            Know(iteration, distance, hash);
        }
    }

    /// <summary>
    /// The newest checkpoint by name. Files are renamed into place when they are whole; what happened to them since is not looked at.
    /// </summary>
    public (long Iteration, string Path)? Last => All().Select(c => ((long, string)?)c).LastOrDefault();

    /// <summary>The newest checkpoint that is whole, or null. Reads those that it looks at from end to end.</summary>
    public string? NewestWhole() => Enumerable.Reverse(All()).FirstOrDefault(c => Damage(c.Iteration, c.Path) is null).Path;

    /// <summary>
    /// Renames checkpoints that are newer than the newest whole one, so that this is the <see cref="Last"/>; returns a sentence for each.
    /// </summary>
    /// <exception cref="IOException">There are checkpoints and none is whole; nothing is renamed.</exception>
    public IReadOnlyList<string> SetDamagedAside()
    {
        var damaged = new List<(string Path, string Problem)>();
        foreach (var (iteration, path) in Enumerable.Reverse(All()))
        {
            if (Damage(iteration, path) is not { } problem)
            {
                return
                [
                    .. damaged.Select(d =>
                    {
                        File.Move(d.Path, d.Path + Aside, overwrite: true);
                        return $"The checkpoint {Path.GetFileName(d.Path)} is damaged: {Sentence(d.Problem)} It was set aside as "
                            + $"{Path.GetFileName(d.Path)}{Aside}; the run goes on from iteration {iteration}, the newest whole one.";
                    }),
                ];
            }

            damaged.Add((path, problem));
        }

        if (damaged.Count == 0)
        {
            return [];
        }
        throw new IOException(
            $"{_folder}: none of its {damaged.Count} checkpoints is whole ({Path.GetFileName(damaged[0].Path)}: "
                + $"{Sentence(damaged[0].Problem)}) Bring one back from a copy, or give an empty folder to begin again."
        );

        static string Sentence(string problem) => problem.TrimEnd('.') + ".";
    }

    /// <summary>Whether a checkpoint of this content was ever written here, be it pruned since.</summary>
    public bool Knows(long iteration, string sha256) => _hashes.TryGetValue(iteration, out var known) && known.Contains(sha256);

    public void Add(CheckpointRecord checkpoint, Action<Stream> write, JsonSerializerOptions lines)
    {
        Directory.CreateDirectory(_folder);
        var hash = "";
        FolderJournal.WriteWhole(
            Path.Combine(_folder, checkpoint.Iteration.ToString("D8", CultureInfo.InvariantCulture) + Extension),
            file =>
            {
                using var hashing = new HashingStream(file);
                write(hashing);
                hash = hashing.Hash;
            },
            () =>
            {
                // before the file has its name: one without its line would be taken for another's
                var line = JsonSerializer.SerializeToNode(checkpoint, lines)!.AsObject();
                line["sha256"] = hash;
                File.AppendAllText(IndexPath, line.ToJsonString() + "\n");
            }
        );
        Know(checkpoint.Iteration, checkpoint.Distance, hash);
        Prune();
    }

    private string IndexPath => Path.Combine(_folder, "index.jsonl");

    // the newest line of an iteration is about the file that is there
    private void Know(long iteration, double? distance, string? hash)
    {
        if (distance is { } measured)
        {
            _distances[iteration] = measured;
        }
        else
        {
            _distances.Remove(iteration);
        }
        if (hash is null)
        {
            return;
        }
        if (!_hashes.TryGetValue(iteration, out var known))
        {
            _hashes.Add(iteration, known = []);
        }
        known.Add(hash);
    }

    // What is wrong with a file; null where it is as it was written. Those of before hashes were kept are looked at for their size only.
    private string? Damage(long iteration, string path)
    {
        try
        {
            using var file = PlainFile.OpenRead(path);
            if (_hashes.TryGetValue(iteration, out var known))
            {
                return known.Contains(Convert.ToHexStringLower(SHA256.HashData(file)))
                    ? null
                    : $"its {file.Length:N0} bytes do not match the SHA-256 in index.jsonl";
            }
            SafetensorsReader.Open(file);
            return null;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    /// <summary>Removes the oldest beyond the number kept, but never the best by distance.</summary>
    private void Prune()
    {
        var all = All();
        var best = all.Where(c => _distances.ContainsKey(c.Iteration) && double.IsFinite(_distances[c.Iteration]))
            .OrderBy(c => _distances[c.Iteration])
            .Select(c => c.Path)
            .FirstOrDefault();
        foreach (var (_, path) in all.Take(Math.Max(0, all.Count - _kept)).Where(c => c.Path != best))
        {
            File.Delete(path);
        }
    }

    private List<(long Iteration, string Path)> All() =>
        !Directory.Exists(_folder)
            ? []
            :
            [
                .. Directory
                    .EnumerateFiles(_folder, "*" + Extension)
                    .Select(path =>
                        (
                            Parsed: long.TryParse(
                                Path.GetFileNameWithoutExtension(path),
                                NumberStyles.None,
                                CultureInfo.InvariantCulture,
                                out var i
                            ),
                            Iteration: i,
                            Path: path
                        )
                    )
                    .Where(c => c.Parsed)
                    .Select(c => (c.Iteration, c.Path))
                    .OrderBy(c => c.Iteration),
            ];

    private IEnumerable<(long Iteration, double? Distance, string? Hash)> ReadIndex()
    {
        if (!File.Exists(IndexPath))
        {
            yield break;
        }
        foreach (var line in File.ReadLines(IndexPath))
        {
            // A crash may have cut the last line off; the checkpoint itself is whole, only its facts are unknown.
            if (Facts(line) is { } facts)
            {
                yield return facts;
            }
        }
    }

    /// <summary>What a line of the index says; null where it is none.</summary>
    internal static (long Iteration, double? Distance, string? Hash)? Facts(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            if (
                json.RootElement.ValueKind != JsonValueKind.Object
                || Member("iteration", JsonValueKind.Number) is not { } at
                || !at.TryGetInt64(out var iteration)
            )
            {
                return null;
            }

            return (iteration, Member("distance", JsonValueKind.Number)?.GetDouble(), Member("sha256", JsonValueKind.String)?.GetString());

            JsonElement? Member(string name, JsonValueKind kind) =>
                json.RootElement.TryGetProperty(name, out var member) && member.ValueKind == kind ? member : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null; // InvalidOperationException: text that is half a pair of UTF-16
        }
    }
}
