using System.Diagnostics;
using SmtWeb.Smt.Metrics.Statistics;
using SmtWeb.Smt.Specs;
using SmtWeb.Worker.Training;

namespace SmtWeb.Worker.Evaluation;

/// <summary>A data set that is being measured for neighbours, by a process of its own.</summary>
public sealed class NeighbourMeasuring
{
    private const int LessPriority = 10;
    private const int TailLines = 3;

    private readonly Lock _lock = new();
    private MeasureProgress _progress = new("starting", 0, 1);

    private NeighbourMeasuring() => Index = Task.FromResult("");

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
    public Task<string> Index { get; private set; }

    /// <summary>Begins, when <paramref name="turn"/> is free: one data set at a time.</summary>
    internal static NeighbourMeasuring Start(NeighbourOptions options, TrainingSpec spec, SemaphoreSlim turn, CancellationToken ct)
    {
        var measuring = new NeighbourMeasuring();
        measuring.Index = Task.Run(() => measuring.RunAsync(options, spec, turn, ct), CancellationToken.None);
        return measuring;
    }

    private async Task<string> RunAsync(NeighbourOptions options, TrainingSpec spec, SemaphoreSlim turn, CancellationToken ct)
    {
        Progress = new("waiting for another data set that is measured", 0, 1);
        await turn.WaitAsync(ct);
        try
        {
            Progress = new("starting", 0, 1);
            using var process = Process.Start(ChildProgram.Start(new WorkerOptions { ConnectionString = "", TrainerProgram = options.Program, MetricsFolder = options.Folder }, options.Threads, LessPriority, "neighbours", "--job"))
                ?? throw new InvalidDataException("The process that measures the images could not be started.");
            return await FollowAsync(process, new NeighbourJob(SpecJson.Write(spec), options.Folder, options.Threads), ct);
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception)
        {
            throw new InvalidDataException($"The process that measures the images could not be started: {e.Message}", e);
        }
        finally
        {
            turn.Release();
        }
    }

    private async Task<string> FollowAsync(Process process, NeighbourJob job, CancellationToken ct)
    {
        NeighbourEvent? end = null;
        var tail = new Queue<string>();
        var reading = ReadAsync(process.StandardOutput, line =>
        {
            if (NeighbourEvent.TryRead(line) is not { } found) return;
            if (found.What is { } what) Progress = new(what, found.Done, found.Total);
            else end = found;
        });
        var errors = ReadAsync(process.StandardError, line =>
        {
            tail.Enqueue(line);
            if (tail.Count > TailLines) tail.Dequeue();
        });
        try
        {
            try
            {
                await process.StandardInput.WriteLineAsync(job.Write());
                await process.StandardInput.FlushAsync(ct);
            }
            catch (IOException)
            {
                // It ended at once; its last words tell why.
            }

            await process.WaitForExitAsync(ct);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
            throw;
        }

        await Task.WhenAll(reading, errors);
        return end?.Index ?? throw new InvalidDataException(end?.Problem ?? $"The process that measures the images {TrainerExit.Describe(process.ExitCode)}. {string.Join(' ', tail)}".Trim());
    }

    private static async Task ReadAsync(StreamReader reader, Action<string> take)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            take(line);
        }
    }
}
