using System.Diagnostics;
using Hangfire.Server;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using SmtWeb.Runs;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Queue;
using SmtWeb.Worker.Training;

namespace SmtWeb.Worker.Jobs;

/// <summary>
/// Supervises one trainer process per claimed run. Whatever dies (a trainer, this process, the database), the run goes on from
/// its last checkpoint: a trainer's end is seen here at once, anything else by its lease running out.
/// </summary>
internal sealed partial class TrainingJobs(
    RunQueue queue,
    IRunStore store,
    WorkerOptions options,
    JobClaims claims,
    RunningTrainers trainers,
    IHostApplicationLifetime lifetime,
    ILogger<TrainingJobs> logger
) : ITrainingJobs
{
    private const int LessPriority = 5;
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(2),
        DisownedGrace = TimeSpan.FromSeconds(10);

    public async Task<string> TrainAsync(long runId, string name, PerformContext? context)
    {
        var run = claims.Take<ClaimedRun>(context);
        try
        {
            int threads = run.Threads > 0 ? run.Threads : options.Threads;
            using var trainer = ChildProcess.Start(
                ChildProgram.Start(options, threads, LessPriority, "train", "--run", $"{run.RunId}", "--attempt", $"{run.Attempt}"),
                TrainerInstructions.Of(options, threads).Write()
            );
            Started(run.RunId, run.Attempt, trainer.Id);
            trainers.Add(trainer.Id, run.RunId);
            int code = await SuperviseAsync(run, trainer);
            trainers.Remove(trainer.Id);
            Ended(run.RunId, run.Attempt, code);
            // Without effect where the trainer gave the run back itself.
            await ReportAsync(run, TrainerExit.Describe(code), code == TrainerExit.GivenBack ? "" : trainer.Tail());
        }
        catch (InvalidOperationException e)
        {
            await ReportAsync(run, e.Message, "");
        }

        return await OutcomeAsync(run);
    }

    private async Task<int> SuperviseAsync(ClaimedRun run, ChildProcess trainer)
    {
        long? disowned = null,
            leaving = null;
        var stopping = Task.Delay(Timeout.InfiniteTimeSpan, lifetime.ApplicationStopping).ContinueWith(_ => { }, TaskScheduler.Default);
        while (!trainer.Exit.IsCompleted)
        {
            await Task.WhenAny(trainer.Exit, Task.Delay(Look), leaving is null ? stopping : Task.Delay(Timeout.InfiniteTimeSpan));
            if (leaving is null && stopping.IsCompleted)
            {
                leaving = Stopwatch.GetTimestamp();
                trainer.Say("the worker is shutting down; the run goes on when it is back");
            }

            if (leaving is { } asked && Stopwatch.GetElapsedTime(asked) > options.ShutdownGrace)
            {
                TooSlow(run.RunId, run.Attempt);
                trainer.Kill();
                break;
            }

            // A trainer that stalled past its lease no longer owns its run; it must not keep the machine busy.
            disowned = await IsHeldAsync(run) ? null : disowned ?? Stopwatch.GetTimestamp();
            if (disowned is { } since && Stopwatch.GetElapsedTime(since) > DisownedGrace)
            {
                Disowned(run.RunId, run.Attempt);
                trainer.Kill();
                break;
            }
        }

        return await trainer.Exit;
    }

    private async Task<bool> IsHeldAsync(ClaimedRun run)
    {
        try
        {
            return await queue.IsHeldAsync(run.RunId, run.Attempt);
        }
        catch (NpgsqlException)
        {
            return true; // nobody knows while the database is away
        }
    }

    private async Task ReportAsync(ClaimedRun run, string reason, string output)
    {
        try
        {
            await PostgresFaults.RetryAsync(
                () => queue.ReportLostAsync(run.RunId, run.Attempt, reason, output),
                options.Lease,
                CancellationToken.None
            );
        }
        catch (NpgsqlException e)
        {
            // Its lease runs out all the same.
            NotReported(run.RunId, run.Attempt, e.Message);
        }
    }

    /// <summary>What became of the run, for the job's own page.</summary>
    private async Task<string> OutcomeAsync(ClaimedRun run)
    {
        var detail = await PostgresFaults.RetryAsync(() => store.FindAsync(run.RunId), options.Lease, CancellationToken.None);
        if (detail is null)
        {
            return "The run was deleted.";
        }

        var (state, reason) = (detail.Summary.State, detail.Summary.StateReason);
        if (detail.Attempt != run.Attempt || detail.JobId != run.JobId)
        {
            throw new JobAbortedException(); // another attempt has it, or another episode: this job's state is theirs
        }

        return state.IsWaiting() || state.IsHeld() ? throw new WaitsAgainException(JobQueues.Training, $"{state}: {reason}")
            : state is RunState.Failed ? throw new WorkFailedException(reason ?? "failed")
            : $"{state}: {reason}";
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Run {RunId}: attempt {Attempt} started as process {ProcessId}")]
    private partial void Started(long runId, int attempt, int processId);

    [LoggerMessage(Level = LogLevel.Information, Message = "Run {RunId}: attempt {Attempt} ended with code {Code}")]
    private partial void Ended(long runId, int attempt, int code);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Run {RunId}: the end of attempt {Attempt} could not be stored ({Problem}); its lease runs out"
    )]
    private partial void NotReported(long runId, int attempt, string problem);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Run {RunId}: attempt {Attempt} lost its run and does not end; its process is killed"
    )]
    private partial void Disowned(long runId, int attempt);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Run {RunId}: attempt {Attempt} took too long for its last checkpoint; its process is killed"
    )]
    private partial void TooSlow(long runId, int attempt);
}
