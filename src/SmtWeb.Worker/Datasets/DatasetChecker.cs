using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Npgsql;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Datasets;
using SmtWeb.Smt.Datasets;
using SmtWeb.Smt.Specs;
using SmtWeb.Worker.Training;

namespace SmtWeb.Worker.Datasets;

/// <summary>
/// Checks registered data sets, one at a time, each in a process of its own: a hostile file that brings a native library
/// down ends that process and becomes the problem of its data set.
/// </summary>
public sealed partial class DatasetChecker(RunsDatabase database, DatasetChecks checks, WorkerOptions options, ILogger<DatasetChecker> logger)
    : QueueService(database, RunChannels.Datasets, TimeSpan.FromSeconds(5), logger)
{
    private const int TailLines = 5;
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(500);

    private readonly ILogger _logger = logger;

    /// <inheritdoc/>
    protected override async Task TurnAsync(CancellationToken ct)
    {
        while (await checks.ClaimAsync(options.Lease, ct) is { } check)
        {
            await CheckAsync(check, ct);
        }
    }

    private async Task CheckAsync(ClaimedCheck check, CancellationToken ct)
    {
        string path;
        try
        {
            path = DatasetRoot.Resolve(check.Path);
        }
        catch (Exception e) when (e is SpecException or IOException or UnauthorizedAccessException)
        {
            await checks.FailAsync(check, e is SpecException spec ? spec.Errors[0].Message : e.Message, ct);
            return;
        }

        Started(check.Id, path);
        using var process = Start(check, path);
        var newest = new CheckProgress("starting", 0, 1);
        CheckEvent? end = null;
        var tail = new Queue<string>();
        var reading = ReadAsync(process, found =>
        {
            if (found.Phase is not null) newest = new CheckProgress(found.Phase, found.Done, found.Total);
            else end = found;
        });
        var errors = TailAsync(process, tail);
        var ended = process.WaitForExitAsync(CancellationToken.None);
        try
        {
            while (!ended.IsCompleted)
            {
                // not this attempt's any more: somebody deleted it or asked again
                if (!await checks.ProgressAsync(check, newest, options.Lease, ct)) process.Kill(entireProcessTree: true);
                await Task.WhenAny(ended, Task.Delay(Between, ct));
                ct.ThrowIfCancellationRequested();
            }
        }
        catch (Exception e) when (e is OperationCanceledException or NpgsqlException)
        {
            process.Kill(entireProcessTree: true);
            await ended;
            await checks.ReleaseAsync(check, CancellationToken.None);
            throw;
        }

        await Task.WhenAll(ended, reading, errors);
        if (end is { Report: { } report }) await checks.CompleteAsync(check, report, end.Samples ?? [], ct);
        else await checks.FailAsync(check, end?.Problem ?? $"The check {TrainerExit.Describe(process.ExitCode)}. {string.Join(' ', tail)}".Trim(), ct);
        Ended(check.Id, end?.Problem ?? "ready");
    }

    private Process Start(ClaimedCheck check, string path)
    {
        string[] kind = check.Kind.Length > 0 ? ["--kind", check.Kind] : [];
        string[] skip = check.SkipCorrupt ? ["--skip-corrupt"] : [];
        var start = new ProcessStartInfo(
            "/usr/bin/setsid",
            ["nice", "-n", "10", .. options.TrainerProgram ?? TrainerProcess.ThisProgram(), "dataset", "check", path, "--events", "--side", $"{check.Side}", .. kind, .. skip])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(start) ?? throw new InvalidOperationException("The process that checks a data set could not be started.");
    }

    private static async Task ReadAsync(Process process, Action<CheckEvent> take)
    {
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (CheckEvent.TryRead(line) is { } found)
            {
                take(found);
            }
        }
    }

    private static async Task TailAsync(Process process, Queue<string> tail)
    {
        while (await process.StandardError.ReadLineAsync() is { } line)
        {
            tail.Enqueue(line);
            if (tail.Count > TailLines)
            {
                tail.Dequeue();
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Data set {Id}: checking {Path}")]
    private partial void Started(long id, string path);

    [LoggerMessage(Level = LogLevel.Information, Message = "Data set {Id}: {Outcome}")]
    private partial void Ended(long id, string outcome);
}
