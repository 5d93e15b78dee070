using System.Diagnostics;
using Hangfire.Server;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Queue;
using SmtWeb.Worker.Training;

namespace SmtWeb.Worker.Jobs;

/// <summary>
/// Measures checkpoints in processes of their own beside the trainer: on the last GPU where there are several, else on the
/// same device with less priority.
/// </summary>
internal sealed partial class EvaluationJobs(
    EvaluationQueue queue,
    WorkerOptions options,
    JobClaims claims,
    IHostApplicationLifetime lifetime,
    ILogger<EvaluationJobs> logger
) : IEvaluationJobs
{
    private const int LessPriority = 10;
    private const string GpuFolder = "/proc/driver/nvidia/gpus";
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(2),
        DisownedGrace = TimeSpan.FromSeconds(10);

    public async Task<string> EvaluateAsync(long evaluationId, string what, PerformContext? context)
    {
        var work = claims.Take<ClaimedItem>(context);
        if (await queue.BeginAsync(work) is not { } job)
        {
            return "It was taken back before it began.";
        }

        if (work.Losses >= WorkItems.MostAttempts)
        {
            await queue.FailAsync(
                job.JobId,
                job.Attempt,
                $"given up after {work.Losses} attempts; the last: no sign of life from its process"
            );
        }
        else
        {
            await MeasureAsync(job);
        }

        return await queue.StateAsync(job.JobId) switch
        {
            null => "The run was deleted.",
            (EvaluationJobState.Queued or EvaluationJobState.Running, var problem) => throw new WaitsAgainException(
                JobQueues.Evaluations,
                problem ?? "its process was lost"
            ),
            (EvaluationJobState.Failed, var problem) => throw new WorkFailedException(problem ?? "failed"),
            var (state, _) => $"{state}",
        };
    }

    private async Task MeasureAsync(ClaimedEvaluation job)
    {
        var start = ChildProgram.Start(
            options,
            options.Threads,
            LessPriority,
            "evaluate",
            "--job",
            $"{job.JobId}",
            "--attempt",
            $"{job.Attempt}"
        );
        if (Directory.Exists(GpuFolder) && Directory.GetDirectories(GpuFolder).Length is > 1 and var gpus)
        {
            start.Environment["CUDA_VISIBLE_DEVICES"] = $"{gpus - 1}";
        }
        string reason;
        try
        {
            using var process = ChildProcess.Start(start, TrainerInstructions.Of(options, options.Threads).Write());
            Started(job.JobId, job.RunId, job.Protocol, process.Id);
            int code = await ExitAsync(process, job);
            Ended(job.JobId, code);
            var words = process.Tail(3, " / ");
            reason = $"its process ended with code {code}{(words.Length > 0 ? $": {words}" : "")}";
        }
        catch (InvalidOperationException e)
        {
            reason = e.Message;
        }

        bool stopping = lifetime.ApplicationStopping.IsCancellationRequested;
        // Without effect where the process stored its result or the reason of its failure.
        await queue.ReportLostAsync(job.JobId, job.Attempt, stopping ? "the worker shut down" : reason, counts: !stopping);
    }

    /// <summary>
    /// Waits for the end; a process that was cancelled or lost its job and does not end by itself must not hold up all others.
    /// </summary>
    private async Task<int> ExitAsync(ChildProcess process, ClaimedEvaluation job)
    {
        for (long? disowned = null; await Task.WhenAny(process.Exit, Task.Delay(Look, lifetime.ApplicationStopping)) != process.Exit; )
        {
            try
            {
                disowned = await queue.FindClaimAsync(job.JobId, job.Attempt) is null ? disowned ?? Stopwatch.GetTimestamp() : null;
            }
            catch (NpgsqlException)
            {
                // The database is away: nobody knows.
            }

            if (
                lifetime.ApplicationStopping.IsCancellationRequested
                || (disowned is { } since && Stopwatch.GetElapsedTime(since) > DisownedGrace)
            )
            {
                Killed(job.JobId, process.Id);
                process.Kill();
                break;
            }
        }

        return await process.Exit;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Evaluation {JobId} of run {RunId} ({Protocol}) started as process {ProcessId}")]
    private partial void Started(long jobId, long runId, string protocol, int processId);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Evaluation {JobId} is no longer to be measured here; process {ProcessId} is killed"
    )]
    private partial void Killed(long jobId, int processId);

    [LoggerMessage(Level = LogLevel.Information, Message = "Evaluation {JobId} ended with code {Code}")]
    private partial void Ended(long jobId, int code);
}
