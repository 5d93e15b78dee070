using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using SmtWeb.Data.Files;
using SmtWeb.Data.Settings;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Smt.Session;

/// <summary>
/// A run in a folder, without a database: <c>spec.json</c>, <c>metrics.jsonl</c>, <c>evaluations.jsonl</c>, <c>log.txt</c>,
/// <c>samples/</c>, <c>interpolation/</c> and <c>scatter/</c> (PNG), <c>checkpoints/</c> (safetensors, and
/// <c>index.jsonl</c> with their facts). Opening a folder that holds a checkpoint of the same spec, but for settings that learning does
/// not depend on, goes on from it, as one curve: what was written after that checkpoint is dropped. A newest checkpoint that is cut or
/// damaged is set aside, and said; the one
/// before it takes its place. Nothing else is made or changed before there is something to write:
/// a run that is refused (its data or its teacher are missing, …) leaves no folder behind.
/// </summary>
public sealed partial class FolderJournal : ITrainingJournal, IDisposable
{
    private static readonly JsonSerializerOptions Lines = new(JsonSerializerDefaults.Web)
    {
        // A loss may be NaN; JSON has no such number.
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private readonly string _folder;
    private readonly TrainingSpec _spec;
    private readonly FolderCheckpoints _checkpoints;
    private readonly ProgressLine _progress;
    private FolderFork? _fork;
    private FileStream? _mine;
    private readonly List<(LogLevel Level, string Text)> _found = []; // to be logged when there is a log
    private StreamWriter? _metrics,
        _evaluations,
        _log;
    private volatile int _signal = (int)TrainingSignal.Continue;

    /// <summary>Opens the folder of a run, or a path at which there will be one.</summary>
    /// <exception cref="IOException">The folder holds a run of another spec, another process writes it, or it is a file.</exception>
    public FolderJournal(string folder, TrainingSpec spec, TextWriter console, bool terminal)
    {
        (_folder, _spec) = (folder, spec);
        if (File.Exists(folder))
        {
            throw new IOException($"{folder} is a file. Give a folder; it is made if it is not there.");
        }
        if (File.Exists(SpecPath))
        {
            var changes = EnsureSameRun();
            if (changes.Count > 0)
            {
                _found.Add(
                    (
                        LogLevel.Information,
                        $"Changed since this run began, which what it learns does not depend on: {string.Join("; ", changes)}."
                    )
                );
            }
            _mine = Lock();
        }

        _checkpoints = new FolderCheckpoints(Path.Combine(folder, "checkpoints"), spec.Evaluation.CheckpointsKept);
        _progress = new ProgressLine(console, terminal, spec);
        if (_mine is null)
        {
            return; // nothing is there, and nothing is this process's
        }
        try
        {
            _found.AddRange(_checkpoints.SetDamagedAside().Select(text => (LogLevel.Warning, text)));
        }
        catch
        {
            _mine.Dispose();
            throw;
        }
    }

    /// <summary>The checkpoint to go on from, or null for a fresh run.</summary>
    public string? CheckpointPath => _checkpoints.Last?.Path ?? _fork?.Path;

    /// <summary>
    /// The run begins from a checkpoint of another one, which becomes the first of its own. Asked of a folder that began so, it goes on.
    /// </summary>
    /// <exception cref="SpecException">The checkpoint is of another network.</exception>
    /// <exception cref="IOException">The folder holds a run that was not forked from it.</exception>
    public void Fork(FolderFork from)
    {
        if (ForkRules.Check(from.Spec, _spec, from.Progress.Iteration) is { Count: > 0 } errors)
        {
            throw new SpecException(errors);
        }
        if (_mine is not null && !_checkpoints.Knows(from.Progress.Iteration, from.Sha256))
        {
            throw new IOException(
                $"{_folder} holds a run that was not forked from {from.Path}. Give an empty folder, or leave --fork out to go on with "
                    + "that run."
            );
        }

        _fork = from;
        AcceptsChangedData |= !ForkRules.SameData(from.Spec.Data, _spec.Data);
    }

    /// <inheritdoc/>
    public bool AcceptsChangedData { get; set; }

    /// <inheritdoc/>
    public TrainingSignal Signal => (TrainingSignal)_signal;

    /// <summary>Asks the session to write a checkpoint and leave. May be called from any thread.</summary>
    public void Pause() => _signal = (int)TrainingSignal.Pause;

    /// <summary>
    /// Until disposed, Ctrl+C and SIGTERM pause the run instead of killing it; a second one has its usual effect.
    /// </summary>
    public IDisposable PauseOnSignals()
    {
        var registrations = new List<PosixSignalRegistration>();
        foreach (var posix in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM })
        {
            registrations.Add(
                PosixSignalRegistration.Create(
                    posix,
                    context =>
                    {
                        if (Signal != TrainingSignal.Continue)
                        {
                            return;
                        }
                        context.Cancel = true;
                        Pause();
                        _progress.Say("Pausing: the checkpoint is being written. Press Ctrl+C again to leave without it.");
                    }
                )
            );
        }
        return new Registrations(registrations);
    }

    /// <inheritdoc/>
    public void Metrics(IReadOnlyList<MetricPoint> points)
    {
        Begin();
        foreach (var point in points)
        {
            _metrics.WriteLine(JsonSerializer.Serialize(point, Lines));
        }
        _metrics.Flush();
        _progress.Show(points);
    }

    /// <inheritdoc/>
    public void Picture(PictureRecord picture)
    {
        Begin();
        var (directory, name) = (Path.Combine(_folder, FolderOf(picture.Kind)), $"{picture.Iteration:D8}.png");
        Directory.CreateDirectory(directory);
        WriteWhole(Path.Combine(directory, name), file => file.Write(picture.Png));
    }

    /// <inheritdoc/>
    public void Evaluation(EvaluationRecord evaluation)
    {
        Begin();
        _evaluations.WriteLine(JsonSerializer.Serialize(evaluation, Lines));
        _evaluations.Flush();
        _progress.Distance = $"{evaluation.Metric} {evaluation.Value.ToString("G5", CultureInfo.InvariantCulture)}";
    }

    /// <inheritdoc/>
    public void Checkpoint(CheckpointRecord checkpoint, Action<Stream> write)
    {
        Begin();
        _checkpoints.Add(checkpoint, write, Lines);
    }

    /// <inheritdoc/>
    public Stream OpenTeacher(string teacher)
    {
        var path = Directory.Exists(teacher)
            ? new FolderCheckpoints(
                Directory.Exists(Path.Combine(teacher, "checkpoints")) ? Path.Combine(teacher, "checkpoints") : teacher,
                1
            ).NewestWhole()
            : teacher;
        return path is not null && File.Exists(path)
            ? File.OpenRead(path)
            : throw new FileNotFoundException(
                $"The teacher '{teacher}' ($.method.teacher) is not there: give the path of a diffusion run's folder (`smtweb train "
                    + "--out`), of its checkpoint, or of an imported snapshot (safetensors).",
                teacher
            );
    }

    /// <inheritdoc/>
    public void Log(LogLevel level, string message)
    {
        Begin();
        WriteLine(level, message);
        _progress.Say(level == LogLevel.Information ? message : $"{level}: {message}");
    }

    /// <summary>Writes into the log why the run ends, where it has a folder; the console is told by whoever ends it.</summary>
    public void Fail(string reason)
    {
        if (_mine is null)
        {
            return; // it was refused before it began
        }
        try
        {
            Begin();
            WriteLine(LogLevel.Error, reason);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // the reason itself counts, and it is told on the console
        }
    }

    /// <summary>Closes the files and ends the progress line.</summary>
    public void Dispose()
    {
        _progress.End();
        _metrics?.Dispose();
        _evaluations?.Dispose();
        _log?.Dispose();
        _mine?.Dispose();
    }

    /// <summary>Writes a file that is either absent or whole: to a neighbour first, then by renaming.</summary>
    internal static void WriteWhole(string path, Action<Stream> write, Action? beforeNaming = null)
    {
        var part = path + ".part";
        try
        {
            using (var file = new FileStream(part, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20))
            {
                write(file);
                file.Flush(flushToDisk: true);
            }

            beforeNaming?.Invoke();
            File.Move(part, path, overwrite: true);
        }
        catch
        {
            File.Delete(part);
            throw;
        }
    }

    private static string FolderOf(PictureKind kind) =>
        kind switch
        {
            PictureKind.Samples => "samples",
            PictureKind.Interpolation => "interpolation",
            PictureKind.Scatter => "scatter",
        };

    private string SpecPath => Path.Combine(_folder, "spec.json");

    private void WriteLine(LogLevel level, string message) =>
        _log!.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{DateTimeOffset.UtcNow:yyyy-MM-ddTHH:mm:ssZ} {level, -11} {message}")
        );

    // two processes would write over each other's checkpoints; the lock ends with the process, however it ends
    private FileStream Lock() =>
        LockFile.TryTake(Path.Combine(_folder, ".lock")) ?? throw new IOException($"{_folder} is in use: another process trains there.");

    private sealed class Registrations(List<PosixSignalRegistration> registrations) : IDisposable
    {
        public void Dispose() => registrations.ForEach(r => r.Dispose());
    }
}
