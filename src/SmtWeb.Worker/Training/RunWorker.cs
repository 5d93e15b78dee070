using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Npgsql;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Worker.Training;

/// <summary>
/// Claims runs and supervises one trainer process for each. Whatever dies (a trainer, this process, the database), the run
/// goes on from its last checkpoint: a trainer's end is seen here at once, anything else by its lease running out.
/// </summary>
public sealed partial class RunWorker(RunsDatabase database, RunQueue queue, WorkerRegistry registry, WorkerOptions options, ILogger<RunWorker> logger)
    : QueueService(database, RunChannels.Queue, TimeSpan.FromSeconds(2), logger)
{
    private static readonly TimeSpan DisownedGrace = TimeSpan.FromSeconds(10);

    private readonly ILogger _logger = logger;
    private readonly Guid _id = Guid.NewGuid();
    private readonly string _name = $"{Environment.MachineName}:{Environment.ProcessId}";
    private readonly ConcurrentDictionary<TrainerProcess, TaskCompletionSource> _trainers = new();

    /// <summary>Process ids of the trainers at work.</summary>
    public IReadOnlyCollection<int> TrainerIds => [.. _trainers.Keys.Select(t => t.Id)];

    /// <inheritdoc/>
    protected override async Task TurnAsync(CancellationToken ct)
    {
        await registry.BeatAsync(_id, _name, options.Slots, ct);
        foreach (long run in await queue.RecoverExpiredAsync(ct))
        {
            Recovered(run);
        }

        await KillDisownedAsync(ct);
        while (_trainers.Count < options.Slots && await queue.ClaimAsync(_id, _name, options.Lease, ct) is { } run)
        {
            Launch(run);
        }
    }

    private void Launch(ClaimedRun run)
    {
        TrainerProcess trainer;
        try
        {
            trainer = TrainerProcess.Start(run, options);
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            _ = ReportAsync(run, $"its process could not be started: {e.Message}", "");
            return;
        }

        Started(run.RunId, run.Attempt, trainer.Id);
        _trainers[trainer] = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = SuperviseAsync(trainer);
    }

    private async Task SuperviseAsync(TrainerProcess trainer)
    {
        int code = await trainer.WaitAsync();
        Ended(trainer.Run.RunId, trainer.Run.Attempt, code);
        // Without effect where the trainer gave the run back itself.
        await ReportAsync(trainer.Run, TrainerExit.Describe(code), code == TrainerExit.GivenBack ? "" : trainer.Tail());
        _trainers.TryRemove(trainer, out var ended);
        ended?.SetResult();
        trainer.Dispose();
        Wake();
    }

    private async Task ReportAsync(ClaimedRun run, string reason, string output)
    {
        try
        {
            await PostgresFaults.RetryAsync(() => queue.ReportLostAsync(run.RunId, run.Attempt, reason, output), options.Lease, CancellationToken.None);
        }
        catch (NpgsqlException e)
        {
            // Its lease runs out all the same.
            DatabaseAway(e.Message);
        }
    }

    /// <summary>A trainer that stalled past its lease no longer owns its run; it must not keep the machine busy.</summary>
    private async Task KillDisownedAsync(CancellationToken ct)
    {
        foreach (var trainer in _trainers.Keys)
        {
            if (await queue.IsHeldAsync(trainer.Run.RunId, trainer.Run.Attempt, ct))
            {
                continue;
            }

            trainer.DisownedSince ??= Stopwatch.GetTimestamp();
            if (Stopwatch.GetElapsedTime(trainer.DisownedSince.Value) > DisownedGrace)
            {
                Disowned(trainer.Run.RunId, trainer.Run.Attempt);
                trainer.Kill();
            }
        }
    }

    /// <inheritdoc/>
    protected override async Task EndAsync()
    {
        foreach (var trainer in _trainers.Keys)
        {
            try
            {
                await queue.RequestReleaseAsync(trainer.Run.RunId, trainer.Run.Attempt, "the worker is shutting down; the run goes on when it is back");
            }
            catch (NpgsqlException)
            {
                trainer.HangUp();
            }
        }

        var all = Task.WhenAll(_trainers.Values.Select(t => t.Task));
        if (await Task.WhenAny(all, Task.Delay(options.ShutdownGrace)) != all)
        {
            foreach (var trainer in _trainers.Keys)
            {
                TooSlow(trainer.Run.RunId, trainer.Run.Attempt);
                trainer.Kill();
            }

            await all;
        }

        try
        {
            await registry.LeaveAsync(_id);
        }
        catch (Exception e) when (e is NpgsqlException or ObjectDisposedException)
        {
            // without a database, or where the node failed to open and has closed it: its entry grows old by itself
            DatabaseAway(e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Run {RunId}: attempt {Attempt} started as process {ProcessId}")]
    private partial void Started(long runId, int attempt, int processId);

    [LoggerMessage(Level = LogLevel.Information, Message = "Run {RunId}: attempt {Attempt} ended with code {Code}")]
    private partial void Ended(long runId, int attempt, int code);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {RunId} was taken back from an attempt without a sign of life")]
    private partial void Recovered(long runId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {RunId}: attempt {Attempt} lost its run and does not end; its process is killed")]
    private partial void Disowned(long runId, int attempt);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {RunId}: attempt {Attempt} took too long for its last checkpoint; its process is killed")]
    private partial void TooSlow(long runId, int attempt);
}
