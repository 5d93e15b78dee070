using SmtWeb.Measures.Statistics;
using SmtWeb.Smt.Specs;
using SmtWeb.Worker.Training;

namespace SmtWeb.Worker.Evaluation;

/// <summary>A data set that is being measured for neighbours: queued as a job, then done by a process of its own.</summary>
public sealed class NeighbourMeasuring
{
    private const int LessPriority = 10;
    private const int LastWords = 3;

    private readonly Lock _lock = new();
    private readonly TaskCompletionSource<string> _index = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private MeasureProgress _progress = new("waiting for its turn", 0, 1);

    internal NeighbourMeasuring()
    {
        // whoever asks is told; a fault that nobody asks for is no fault of this process
        _ = _index.Task.ContinueWith(t => t.Exception, TaskContinuationOptions.OnlyOnFaulted);
    }

    /// <summary>How far it is.</summary>
    public MeasureProgress Progress
    {
        get
        {
            lock (_lock)
            {
                return _progress;
            }
        }
        private set
        {
            lock (_lock)
            {
                _progress = value;
            }
        }
    }

    /// <summary>Ends with the path of the index; fails with an <see cref="InvalidDataException"/> whose message is for people.</summary>
    public Task<string> Index => _index.Task;

    /// <summary>Nobody will do it.</summary>
    internal void Fail(Exception exception) => _index.TrySetException(exception);

    /// <summary>Measures, and returns what <see cref="Index"/> ends with.</summary>
    internal async Task<string> RunAsync(NeighbourOptions options, TrainingSpec spec, CancellationToken ct)
    {
        try
        {
            var path = await MeasureAsync(options, spec, ct);
            _index.TrySetResult(path);
            return path;
        }
        catch (OperationCanceledException)
        {
            _index.TrySetCanceled(CancellationToken.None);
            throw;
        }
        catch (Exception e)
        {
            var told = e as InvalidDataException ?? new InvalidDataException($"The process that measures the images: {e.Message}", e);
            _index.TrySetException(told);
            throw told;
        }
    }

    private async Task<string> MeasureAsync(NeighbourOptions options, TrainingSpec spec, CancellationToken ct)
    {
        Progress = new("starting", 0, 1);
        NeighbourEvent? end = null;
        using var process = ChildProcess.Start(
            ChildProgram.Start(
                new WorkerOptions
                {
                    ConnectionString = "",
                    TrainerProgram = options.Program,
                    MetricsFolder = options.Folder,
                },
                options.Threads,
                LessPriority,
                "neighbours",
                "--job"
            ),
            new NeighbourJob(SpecJson.Write(spec), options.Folder, options.Threads).Write(),
            line =>
            {
                if (NeighbourEvent.TryRead(line) is not { } found)
                {
                    return;
                }
                if (found.What is { } what)
                {
                    Progress = new(what, found.Done, found.Total);
                }
                else
                {
                    end = found;
                }
            }
        );
        await using (ct.UnsafeRegister(static child => ((ChildProcess)child!).Kill(), process))
        {
            int code = await process.Exit;
            ct.ThrowIfCancellationRequested();
            return end?.Index
                ?? throw new InvalidDataException(
                    end?.Problem
                        ?? $"The process that measures the images {TrainerExit.Describe(code)}. {process.Tail(LastWords, " ")}".Trim()
                );
        }
    }
}
