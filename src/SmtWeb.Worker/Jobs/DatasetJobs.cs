using System.Diagnostics;
using Hangfire.Server;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SmtWeb.Data.Formats;
using SmtWeb.Data.Settings;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Datasets;
using SmtWeb.Runs.Queue;
using SmtWeb.Worker.Datasets;
using SmtWeb.Worker.Training;

namespace SmtWeb.Worker.Jobs;

/// <summary>
/// Checks registered data sets, each in a process of its own: a hostile file that brings a native library down ends that
/// process and becomes the problem of its data set.
/// </summary>
internal sealed partial class DatasetJobs(
    DatasetChecks checks,
    WorkerOptions options,
    JobClaims claims,
    IHostApplicationLifetime lifetime,
    ILogger<DatasetJobs> logger
) : IDatasetJobs
{
    private const int LastWords = 5;
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(500);

    public async Task<string> CheckAsync(long datasetId, string name, PerformContext? context)
    {
        var work = claims.Take<ClaimedItem>(context);
        if (await checks.BeginAsync(work) is not { } check)
        {
            return "It was taken back before it began.";
        }

        string? problem =
            work.Losses >= WorkItems.MostAttempts
                ? $"The check was given up after {work.Losses} attempts without a sign of life from its process."
                : await DoAsync(check);
        if (problem is null)
        {
            return "Ready, or no longer wanted.";
        }

        await StoreAsync(() => checks.FailAsync(check, problem));
        Ended(check.Id, problem);
        throw new WorkFailedException(problem);
    }

    // the problem of the data, or null
    private async Task<string?> DoAsync(ClaimedCheck check)
    {
        string path;
        try
        {
            path = DatasetRoot.Resolve(check.Path);
        }
        catch (Exception e) when (e is SpecException or IOException or UnauthorizedAccessException)
        {
            return e is SpecException spec ? spec.Errors[0].Message : e.Message;
        }

        Started(check.Id, path);
        var newest = new CheckProgress("starting", 0, 1);
        CheckEvent? end = null;
        using var process = ChildProcess.Start(
            StartInfo(check, path),
            onOutput: line =>
            {
                if (CheckEvent.TryRead(line) is not { } found)
                {
                    return;
                }
                if (found.Phase is not null)
                {
                    newest = new CheckProgress(found.Phase, found.Done, found.Total);
                }
                else
                {
                    end = found;
                }
            }
        );
        bool held = true;
        while (!process.Exit.IsCompleted)
        {
            // not this attempt's any more: somebody deleted it or asked again
            held = await HeldAsync(check, newest);
            if (!held || lifetime.ApplicationStopping.IsCancellationRequested)
            {
                process.Kill();
            }
            await Task.WhenAny(process.Exit, Task.Delay(Between));
        }

        int code = await process.Exit;
        if (lifetime.ApplicationStopping.IsCancellationRequested && end is null)
        {
            await checks.ReleaseAsync(check);
            throw new WaitsAgainException(JobQueues.Datasets, "the worker shut down");
        }

        if (!held)
        {
            return null;
        }
        if (end is not { Report: { } report })
        {
            return end?.Problem ?? $"The check {TrainerExit.Describe(code)}. {process.Tail(LastWords, " ")}".Trim();
        }
        await StoreAsync(() => checks.CompleteAsync(check, report, end.Samples ?? []));
        Ended(check.Id, "ready");
        return null;
    }

    private async Task<bool> HeldAsync(ClaimedCheck check, CheckProgress progress)
    {
        try
        {
            return await checks.ProgressAsync(check, progress, options.Lease);
        }
        catch (Npgsql.NpgsqlException)
        {
            return true; // the database is away: whether the lease was lost is seen when it is back
        }
    }

    private Task<bool> StoreAsync(Func<Task<bool>> store) =>
        PostgresFaults.RetryAsync(store, options.Patience, lifetime.ApplicationStopping);

    private ProcessStartInfo StartInfo(ClaimedCheck check, string path)
    {
        string[] kind = check.Kind.Length > 0 ? ["--kind", check.Kind] : [];
        string[] skip = check.SkipCorrupt ? ["--skip-corrupt"] : [];
        return new ProcessStartInfo(
            "/usr/bin/setsid",
            [
                "nice",
                "-n",
                "10",
                .. options.TrainerProgram ?? ChildProgram.ThisProgram(),
                "dataset",
                "check",
                path,
                "--events",
                "--side",
                $"{check.Side}",
                .. kind,
                .. skip,
            ]
        )
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Data set {Id}: checking {Path}")]
    private partial void Started(long id, string path);

    [LoggerMessage(Level = LogLevel.Information, Message = "Data set {Id}: {Outcome}")]
    private partial void Ended(long id, string outcome);
}
