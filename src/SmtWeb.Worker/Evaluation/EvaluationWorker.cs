using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Npgsql;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Queue;
using SmtWeb.Worker.Training;

namespace SmtWeb.Worker.Evaluation;

/// <summary>
/// Measures queued checkpoints, one at a time, in a process of its own beside the trainer: on the last GPU where there
/// are several, else on the same device with less priority.
/// </summary>
public sealed partial class EvaluationWorker(RunsDatabase database, EvaluationQueue queue, WorkerOptions options, ILogger<EvaluationWorker> logger)
    : QueueService(database, RunChannels.Queue, TimeSpan.FromSeconds(2), logger)
{
    private const int LessPriority = 10;
    private const int TailLines = 20;
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(2), DisownedGrace = TimeSpan.FromSeconds(10);

    private const string GpuFolder = "/proc/driver/nvidia/gpus";

    private readonly ILogger _logger = logger;
    private readonly Guid _id = Guid.NewGuid();

    /// <inheritdoc/>
    protected override async Task TurnAsync(CancellationToken ct)
    {
        await queue.RecoverExpiredAsync(ct);
        while (await queue.ClaimAsync(_id, options.Lease, ct) is { } job)
        {
            await MeasureAsync(job, ct);
        }
    }

    private async Task MeasureAsync(ClaimedEvaluation job, CancellationToken ct)
    {
        var start = ChildProgram.Start(options, options.Threads, LessPriority, "evaluate", "--job", $"{job.JobId}", "--attempt", $"{job.Attempt}");
        if (Directory.Exists(GpuFolder) && Directory.GetDirectories(GpuFolder).Length is > 1 and var gpus) start.Environment["CUDA_VISIBLE_DEVICES"] = $"{gpus - 1}";
        Process process;
        try
        {
            process = Process.Start(start) ?? throw new InvalidOperationException("no process");
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            await queue.ReportLostAsync(job.JobId, job.Attempt, $"its process could not be started: {e.Message}", ct: CancellationToken.None);
            return;
        }

        using (process)
        {
            Started(job.JobId, job.RunId, job.Protocol, process.Id);
            var tail = new Queue<string>();
            var pumps = Task.WhenAll(PumpAsync(process.StandardOutput, tail), PumpAsync(process.StandardError, tail));
            try
            {
                await process.StandardInput.WriteLineAsync(new TrainerInstructions(options.ConnectionString, options.Threads, options.Lease.TotalSeconds, options.Patience.TotalSeconds, options.StallLimit.TotalSeconds).Write());
                await process.StandardInput.FlushAsync(CancellationToken.None);
            }
            catch (IOException)
            {
                // It ended at once; its exit code and its last words tell why.
            }

            try
            {
                await ExitAsync(process, job, ct);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync(CancellationToken.None);
            }

            await pumps;
            Ended(job.JobId, process.ExitCode);
            // Without effect where the process stored its result or the reason of its failure.
            string words = tail.Count > 0 ? $": {string.Join(" / ", tail.TakeLast(3))}" : "";
            await queue.ReportLostAsync(job.JobId, job.Attempt, ct.IsCancellationRequested ? "the worker shut down" : $"its process ended with code {process.ExitCode}{words}", !ct.IsCancellationRequested, CancellationToken.None);
        }
    }

    /// <summary>Waits for the end; a process that was cancelled or lost its job and does not end by itself must not hold up all others.</summary>
    private async Task ExitAsync(Process process, ClaimedEvaluation job, CancellationToken ct)
    {
        var exit = process.WaitForExitAsync(ct);
        for (long? disowned = null; await Task.WhenAny(exit, Task.Delay(Look, CancellationToken.None)) != exit;)
        {
            try
            {
                disowned = await queue.FindClaimAsync(job.JobId, job.Attempt, ct) is null ? disowned ?? Stopwatch.GetTimestamp() : null;
            }
            catch (NpgsqlException)
            {
                // The database is away: nobody knows.
            }

            if (disowned is { } since && Stopwatch.GetElapsedTime(since) > DisownedGrace)
            {
                Disowned(job.JobId, process.Id);
                process.Kill(entireProcessTree: true);
                break;
            }
        }

        await exit;
    }

    private static async Task PumpAsync(StreamReader reader, Queue<string> tail)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (tail)
            {
                tail.Enqueue(line);
                if (tail.Count > TailLines)
                {
                    tail.Dequeue();
                }
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Evaluation {JobId} of run {RunId} ({Protocol}) started as process {ProcessId}")]
    private partial void Started(long jobId, long runId, string protocol, int processId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Evaluation {JobId} is no longer to be measured, and process {ProcessId} does not end; it is killed")]
    private partial void Disowned(long jobId, int processId);

    [LoggerMessage(Level = LogLevel.Information, Message = "Evaluation {JobId} ended with code {Code}")]
    private partial void Ended(long jobId, int code);
}
