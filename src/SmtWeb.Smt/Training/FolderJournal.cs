using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using SmtWeb.Smt.Files;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Training;

/// <summary>
/// A run in a folder, without a database: <c>spec.json</c>, <c>metrics.jsonl</c>, <c>evaluations.jsonl</c>, <c>log.txt</c>,
/// <c>samples/</c>, <c>interpolation/</c> and <c>scatter/</c> (PNG), <c>checkpoints/</c> (safetensors, and
/// <c>index.jsonl</c> with their facts). Opening a folder that holds a checkpoint of the same spec goes on from it, as one
/// curve: what was written after that checkpoint is dropped.
/// </summary>
public sealed class FolderJournal : ITrainingJournal, IDisposable
{
    private static readonly JsonSerializerOptions Lines = new(JsonSerializerDefaults.Web)
    {
        // A loss may be NaN; JSON has no such number.
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private readonly string folder;
    private readonly FileStream mine;
    private readonly FolderCheckpoints checkpoints;
    private readonly ProgressLine progress;
    private readonly StreamWriter metrics;
    private readonly StreamWriter evaluations;
    private readonly StreamWriter log;
    private volatile int signal = (int)TrainingSignal.Continue;

    /// <summary>Opens or creates a run's folder.</summary>
    /// <exception cref="IOException">The folder holds a run of another spec, another process writes it, or it cannot be written.</exception>
    public FolderJournal(string folder, TrainingSpec spec, TextWriter console, bool terminal)
    {
        this.folder = folder;
        Directory.CreateDirectory(folder);
        ClaimFor(spec);
        mine = Lock();
        checkpoints = new FolderCheckpoints(Path.Combine(folder, "checkpoints"), spec.Evaluation.CheckpointsKept);
        var last = checkpoints.Last?.Iteration ?? -1;
        metrics = Continue("metrics.jsonl", last);
        evaluations = Continue("evaluations.jsonl", last);
        log = new StreamWriter(Path.Combine(folder, "log.txt"), append: true) { AutoFlush = true };
        progress = new ProgressLine(console, terminal, spec);
    }

    /// <summary>The checkpoint to go on from, or null for a fresh run.</summary>
    public string? CheckpointPath => checkpoints.Last?.Path;

    /// <inheritdoc/>
    public TrainingSignal Signal => (TrainingSignal)signal;

    /// <summary>Asks the session to write a checkpoint and leave. May be called from any thread.</summary>
    public void Pause() => signal = (int)TrainingSignal.Pause;

    /// <summary>
    /// Until disposed, Ctrl+C and SIGTERM pause the run instead of killing it; a second one has its usual effect.
    /// </summary>
    public IDisposable PauseOnSignals()
    {
        var registrations = new List<PosixSignalRegistration>();
        foreach (var posix in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM })
            registrations.Add(PosixSignalRegistration.Create(posix, context =>
            {
                if (Signal != TrainingSignal.Continue) return;
                context.Cancel = true;
                Pause();
                progress.Say("Pausing: the checkpoint is being written. Press Ctrl+C again to leave without it.");
            }));
        return new Registrations(registrations);
    }

    /// <inheritdoc/>
    public void Metrics(IReadOnlyList<MetricPoint> points)
    {
        foreach (var point in points) metrics.WriteLine(JsonSerializer.Serialize(point, Lines));
        metrics.Flush();
        progress.Show(points);
    }

    /// <inheritdoc/>
    public void Picture(PictureRecord picture)
    {
        var (directory, name) = (Path.Combine(folder, FolderOf(picture.Kind)), $"{picture.Iteration:D8}.png");
        Directory.CreateDirectory(directory);
        WriteWhole(Path.Combine(directory, name), file => file.Write(picture.Png));
    }

    /// <inheritdoc/>
    public void Evaluation(EvaluationRecord evaluation)
    {
        evaluations.WriteLine(JsonSerializer.Serialize(evaluation, Lines));
        evaluations.Flush();
        progress.Distance = $"{evaluation.Metric} {evaluation.Value.ToString("G5", CultureInfo.InvariantCulture)}";
    }

    /// <inheritdoc/>
    public void Checkpoint(CheckpointRecord checkpoint, Action<Stream> write) => checkpoints.Add(checkpoint, write, Lines);

    /// <inheritdoc/>
    public Stream OpenTeacher(string teacher)
    {
        var path = Directory.Exists(teacher)
            ? new FolderCheckpoints(Directory.Exists(Path.Combine(teacher, "checkpoints")) ? Path.Combine(teacher, "checkpoints") : teacher, 1).Last?.Path
            : teacher;
        return path is not null && File.Exists(path)
            ? File.OpenRead(path)
            : throw new FileNotFoundException($"The teacher '{teacher}' ($.method.teacher) is not there: give the path of a diffusion run's folder (`smtweb train --out`), of its checkpoint, or of an imported snapshot (safetensors).", teacher);
    }

    /// <inheritdoc/>
    public void Log(LogLevel level, string message)
    {
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTimeOffset.UtcNow:yyyy-MM-ddTHH:mm:ssZ} {level,-11} {message}"));
        progress.Say(level == LogLevel.Information ? message : $"{level}: {message}");
    }

    /// <summary>Closes the files and ends the progress line.</summary>
    public void Dispose()
    {
        progress.End();
        metrics.Dispose();
        evaluations.Dispose();
        log.Dispose();
        mine.Dispose();
    }

    /// <summary>Writes a file that is either absent or whole: to a neighbour first, then by renaming.</summary>
    internal static void WriteWhole(string path, Action<Stream> write)
    {
        var part = path + ".part";
        try
        {
            using (var file = new FileStream(part, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20))
            {
                write(file);
                file.Flush(flushToDisk: true);
            }

            File.Move(part, path, overwrite: true);
        }
        catch
        {
            File.Delete(part);
            throw;
        }
    }

    private static string FolderOf(PictureKind kind) => kind switch
    {
        PictureKind.Samples => "samples",
        PictureKind.Interpolation => "interpolation",
        PictureKind.Scatter => "scatter",
    };

    // two processes would write over each other's checkpoints; the lock ends with the process, however it ends
    private FileStream Lock() => LockFile.TryTake(Path.Combine(folder, ".lock")) ?? throw new IOException($"{folder} is in use: another process trains there.");

    private void ClaimFor(TrainingSpec spec)
    {
        var path = Path.Combine(folder, "spec.json");
        if (File.Exists(path))
        {
            var (earlier, _) = SpecJson.Parse(File.ReadAllText(path));
            if (earlier is null || SpecJson.Hash(earlier) != SpecJson.Hash(spec))
                throw new IOException($"{folder} holds a run of another spec (its spec.json differs). Give an empty folder, or that spec to go on with it.");
        }

        WriteWhole(path, file => file.Write(System.Text.Encoding.UTF8.GetBytes(SpecJson.Write(spec))));
    }

    /// <summary>Opens a file of JSON lines for appending, without the lines after <paramref name="lastIteration"/> and without one cut off by a crash.</summary>
    private StreamWriter Continue(string name, long lastIteration)
    {
        var path = Path.Combine(folder, name);
        if (File.Exists(path))
        {
            var kept = File.ReadLines(path).Where(line => IterationOf(line) <= lastIteration).ToList();
            WriteWhole(path, file =>
            {
                using var writer = new StreamWriter(file, leaveOpen: true);
                foreach (var line in kept) writer.WriteLine(line);
            });
        }

        return new StreamWriter(path, append: true);
    }

    private static long IterationOf(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.GetProperty("iteration").GetInt64();
        }
        catch (JsonException)
        {
            return long.MaxValue;
        }
    }

    private sealed class Registrations(List<PosixSignalRegistration> registrations) : IDisposable
    {
        public void Dispose() => registrations.ForEach(r => r.Dispose());
    }
}
