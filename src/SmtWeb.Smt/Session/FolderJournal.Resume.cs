using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using SmtWeb.Data.Files;
using SmtWeb.Data.Settings;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Session;

// How a run in a folder begins, or goes on.
public sealed partial class FolderJournal
{
    /// <summary>Before the first thing that is written: makes the folder and the files, or goes on with them.</summary>
    /// <exception cref="IOException">Another process was faster, or the folder cannot be written.</exception>
    [MemberNotNull(nameof(_metrics), nameof(_evaluations), nameof(_log))]
    private void Begin()
    {
        if (_metrics is not null && _evaluations is not null && _log is not null)
        {
            return;
        }
        Directory.CreateDirectory(_folder);
        if (_mine is null)
        {
            _mine = Lock();
            if (File.Exists(SpecPath))
            {
                throw new IOException(
                    $"{_folder} was empty and is not any more: another process has trained there meanwhile. The same command again goes "
                        + "on from where it came to."
                );
            }
        }

        WriteWhole(SpecPath, file => file.Write(System.Text.Encoding.UTF8.GetBytes(SpecJson.Write(_spec))));
        var last = _checkpoints.Last?.Iteration ?? -1;
        _metrics = Continue("metrics.jsonl", last);
        _evaluations = Continue("evaluations.jsonl", last);
        _log = new StreamWriter(Path.Combine(_folder, "log.txt"), append: true) { AutoFlush = true };
        foreach (var (level, text) in _found)
        {
            Log(level, text);
        }
        if (_fork is not null && _checkpoints.Last is null)
        {
            BeginFork(_fork);
        }
    }

    private void BeginFork(FolderFork from)
    {
        var progress = from.Progress;
        var same = ForkRules.SameData(from.Spec.Data, _spec.Data);
        _checkpoints.Add(
            new(progress.Iteration, progress.ImagesSeen, progress.Seconds, same ? progress.Distance : null, $"forked from {from.Path}"),
            stream =>
            {
                using var file = PlainFile.OpenRead(from.Path);
                file.CopyTo(stream);
            },
            Lines
        );
        Log(LogLevel.Information, $"Forked from {from.Path} (SHA-256 {from.Sha256}) at iteration {progress.Iteration:N0}.");
    }

    /// <summary>The settings that are others than when the run began; all of them may be.</summary>
    /// <exception cref="IOException">Some may not.</exception>
    private IReadOnlyList<ChangedSetting> EnsureSameRun()
    {
        TrainingSpec earlier;
        try
        {
            earlier = SpecJson.ReadStored(File.ReadAllText(SpecPath));
        }
        catch (SpecException e)
        {
            throw new IOException($"{SpecPath} cannot be read ({e.Errors[0].Message}). Give an empty folder.", e);
        }

        var changes = ChangedSetting.Between(earlier, _spec);
        var others = changes.Where(c => !c.MayChange).ToList();
        return others.Count == 0
            ? changes
            : throw new IOException(
                $"{_folder} holds a run of another spec: "
                    + $"{string.Join("; ", others.Take(5))}{(others.Count > 5 ? $" and {others.Count - 5} more" : "")}. Give an empty folder, "
                    + "or that spec to go on with it. What may change is what learning does not depend on: evaluation, hardware but for the "
                    + "precision, skipCorrupt, and the iterations where both rates are constant."
            );
    }

    /// <summary>
    /// Opens a file of JSON lines for appending, without the lines after <paramref name="lastIteration"/> and without one cut off by a
    /// crash.
    /// </summary>
    private StreamWriter Continue(string name, long lastIteration)
    {
        var path = Path.Combine(_folder, name);
        if (File.Exists(path))
        {
            var kept = File.ReadLines(path).Where(line => IterationOf(line) <= lastIteration).ToList();
            WriteWhole(
                path,
                file =>
                {
                    using var writer = new StreamWriter(file, leaveOpen: true);
                    foreach (var line in kept)
                    {
                        writer.WriteLine(line);
                    }
                }
            );
        }

        return new StreamWriter(path, append: true);
    }

    /// <summary>The iteration of a line; one that is none, which a crash or an editor left, is of after every iteration.</summary>
    internal static long IterationOf(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return
                json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty("iteration", out var at)
                && at.ValueKind == JsonValueKind.Number
                && at.TryGetInt64(out var iteration)
                ? iteration
                : long.MaxValue;
        }
        catch (JsonException)
        {
            return long.MaxValue;
        }
    }
}
