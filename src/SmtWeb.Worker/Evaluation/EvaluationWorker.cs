using System.Diagnostics;
using Microsoft.Extensions.Hosting;
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
public sealed partial class EvaluationWorker(RunsDatabase database, EvaluationQueue queue, WorkerOptions options, ILogger<EvaluationWorker> logger) : BackgroundService
{
    private const int LessPriority = 10;
    private const int TailLines = 20;
    private const string GpuFolder = "/proc/driver/nvidia/gpus";

    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(2);

    private readonly Guid _id = Guid.NewGuid();
    private readonly SemaphoreSlim _wake = new(0);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var listening = new DatabaseListener(database.Source, RunChannels.Queue).RunAsync(_ => _wake.Release(), () => _wake.Release(), stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await queue.RecoverExpiredAsync(stoppingToken);
                while (await queue.ClaimAsync(_id, options.Lease, stoppingToken) is { } job)
                {
                    await MeasureAsync(job, stoppingToken);
                }

                await _wake.WaitAsync(Poll, stoppingToken);
                while (_wake.Wait(0, CancellationToken.None))
                {
                    // many notifications, one look
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (NpgsqlException e)
            {
                DatabaseAway(e.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(500), CancellationToken.None);
            }
        }

        await listening;
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
                await process.WaitForExitAsync(ct);
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

    [LoggerMessage(Level = LogLevel.Information, Message = "Evaluation {JobId} ended with code {Code}")]
    private partial void Ended(long jobId, int code);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The database does not answer ({Problem}); trying again")]
    private partial void DatabaseAway(string problem);
}
