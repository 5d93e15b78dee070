using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using SmtWeb.Runs;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Checkpoints;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Queue;
using SmtWeb.Runs.Weights;
using SmtWeb.Smt.Session;
using SmtWeb.Smt.Specs;

namespace SmtWeb.Worker.Training;

/// <summary>What trains: <see cref="TrainingSession.Run"/>, or a stand-in of the tests of supervision.</summary>
public delegate TrainingResult TrainingBody(TrainingSpec spec, ITrainingJournal journal, Stream? checkpoint, int threads);

/// <summary>
/// The trainer process: <c>smtweb train --run N --attempt A</c>. It holds the lease itself, so that it lives exactly as long
/// as its own heartbeat; it leaves a checkpoint and ends when its worker is gone.
/// </summary>
public sealed class TrainCommand(long runId, int attempt, TrainingBody body)
{
    private static readonly TimeSpan OrphanGrace = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Trains attempt <paramref name="attempt"/> of run <paramref name="runId"/>; returns a code of <see cref="TrainerExit"/>.
    /// </summary>
    public static Task<int> RunAsync(long runId, int attempt) =>
        new TrainCommand(runId, attempt, TrainingSession.Run).RunAsync(Console.OpenStandardInput());

    /// <summary>As <see cref="RunAsync(long, int)"/>, with the worker's end of the pipe given.</summary>
    public async Task<int> RunAsync(Stream worker)
    {
        using var input = new StreamReader(worker);
        var instructions = TrainerInstructions.Read(await input.ReadLineAsync());
        await using var services = new ServiceCollection().AddSmtWebRuns(instructions.ConnectionString).BuildServiceProvider();
        var database = services.GetRequiredService<RunsDatabase>();
        var queue = services.GetRequiredService<RunQueue>();
        var patience = TimeSpan.FromSeconds(instructions.PatienceSeconds);
        var writer = new AttemptWriter(database, runId, attempt);
        var store = services.GetRequiredService<IRunStore>();
        var models = services.GetRequiredService<IModelStore>();
        await using var journal = new DbTrainingJournal(writer, patience, name => TeacherLookup.Open(store, models, name));

        // Why it leaves is told with the signal to leave, here, and holds whatever the database hears of it and when.
        void Leave(string why)
        {
            journal.Raise(new(RunRequest.Release, why));
            _ = ShowAsync(queue, why, patience);
        }

        void LeaveOrDie(string why)
        {
            Leave(why);
            // Nobody is left who would end it, and a stuck native call heeds nothing else; its lease runs out.
            _ = Task.Delay(OrphanGrace).ContinueWith(_ => Process.GetCurrentProcess().Kill(), TaskScheduler.Default);
        }

        using var terminate = PosixSignalRegistration.Create(
            PosixSignal.SIGTERM,
            context =>
            {
                context.Cancel = true;
                LeaveOrDie("its trainer was asked to end (SIGTERM)");
            }
        );
        _ = Task.Run(() => WatchAsync(input, Leave, () => LeaveOrDie("its worker is gone")));

        using var over = new CancellationTokenSource();
        var lease = new AttemptLease(database, runId, attempt, TimeSpan.FromSeconds(instructions.LeaseSeconds));
        var beating = new TrainerHeartbeat(database, writer, lease, journal, TimeSpan.FromSeconds(instructions.StallSeconds)).RunAsync(
            over.Token
        );
        try
        {
            return await TrainAsync(store, database, writer, journal, instructions.Threads, patience);
        }
        catch (AttemptFencedException)
        {
            return TrainerExit.Fenced;
        }
        catch (RankLostException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return TrainerExit.RankLost;
        }
        catch (Exception e) when (e is DatabaseLostException || PostgresFaults.IsConnectionLoss(e))
        {
            await Console.Error.WriteLineAsync(e.Message);
            return TrainerExit.DatabaseLost;
        }
        finally
        {
            await over.CancelAsync();
            await beating;
        }
    }

    private async Task<int> TrainAsync(
        IRunStore store,
        RunsDatabase database,
        AttemptWriter writer,
        DbTrainingJournal journal,
        int threads,
        TimeSpan patience
    )
    {
        var end = await AttemptAsync(store, database, writer, journal, threads, patience);
        if (end.State is { } ended)
        {
            // What was said is stored before the run is given back. A commit whose answer was lost comes back as a refusal:
            // the run was given back then, too.
            journal.Flush();
            await PostgresFaults.RetryAsync(
                () =>
                    end.Damaged is { } checkpoint
                        ? writer.EndWithDamagedCheckpointAsync(checkpoint, end.Reason)
                        : writer.EndAsync(ended, end.Reason, end.Obeyed, end.FirstBad),
                patience,
                CancellationToken.None
            );
            return TrainerExit.GivenBack;
        }

        return TrainerExit.Fenced;
    }

    private async Task<AttemptEnd> AttemptAsync(
        IRunStore store,
        RunsDatabase database,
        AttemptWriter writer,
        DbTrainingJournal journal,
        int threads,
        TimeSpan patience
    )
    {
        try
        {
            var inputs = await PostgresFaults.RetryAsync(
                () => AttemptInputs.LoadAsync(database, runId, attempt),
                patience,
                CancellationToken.None
            );
            await using var checkpoint = inputs.CheckpointId is { } id ? await store.OpenCheckpointAsync(runId, id) : null;
            if (checkpoint is null && inputs.CheckpointId is { } gone)
            {
                // without this it would begin again from the start
                return new(RunState.Recovering, $"Checkpoint {gone} is no longer there.") { Damaged = gone };
            }

            journal.AcceptsChangedData = inputs.IsForkBeginning;
            string from = checkpoint is null
                ? "from the start"
                : $"from iteration {inputs.FirstIteration:N0} ({checkpoint.Length / 1e6:0.0} MB checkpoint)";
            await PostgresFaults.RetryAsync(
                () => writer.BeginAsync($"Training {from}, process {Environment.ProcessId}, {threads} threads."),
                patience,
                CancellationToken.None
            );
            var result = await Task.Factory.StartNew(
                () => body(inputs.Spec, journal, checkpoint, threads),
                TaskCreationOptions.LongRunning
            );
            return result.Outcome switch
            {
                TrainingOutcome.Finished => new(RunState.Finished, result.Reason),
                TrainingOutcome.Paused when journal.Obeyed is { Request: RunRequest.Release } order => new(RunState.Paused, order.Why)
                {
                    Obeyed = RunRequest.Release,
                },
                TrainingOutcome.Paused => new(RunState.Paused, result.Reason) { Obeyed = journal.Obeyed.Request },
                TrainingOutcome.Stopped => new(RunState.Cancelled, result.Reason),
                TrainingOutcome.Abandoned => new(null, result.Reason),
                TrainingOutcome.NotFinite => new(RunState.Failed, result.Reason) { FirstBad = result.FirstBadIteration },
            };
        }
        catch (CheckpointWriteException e)
        {
            return new(RunState.Paused, e.Message);
        }
        catch (DamagedCheckpointException e)
        {
            // at once: whoever else looks for a checkpoint of that run, which may be a teacher, takes a whole one
            await PostgresFaults.RetryAsync(() => store.SetDamagedAsideAsync(e.CheckpointId, e.Message), patience, CancellationToken.None);
            return new(RunState.Recovering, e.Message) { Damaged = e.CheckpointId };
        }
        catch (Exception e) when (TrainingFailure.Explain(e) is { } reason)
        {
            await Console.Error.WriteLineAsync(e.ToString());
            journal.Log(LogLevel.Error, e.ToString());
            return new(RunState.Failed, reason);
        }
    }

    private async Task ShowAsync(RunQueue queue, string why, TimeSpan patience)
    {
        try
        {
            await PostgresFaults.RetryAsync(() => queue.ShowLeavingAsync(runId, attempt, why), patience, CancellationToken.None);
        }
        catch (NpgsqlException e)
        {
            await Console.Error.WriteLineAsync($"That the trainer leaves could not be shown: {e.Message}");
        }
    }

    private static async Task WatchAsync(StreamReader input, Action<string> onLine, Action onEnd)
    {
        try
        {
            while (await input.ReadLineAsync() is { } line)
            {
                onLine(line);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // A broken pipe says the same as a closed one.
        }

        onEnd();
    }

    // a state of null gives nothing back: the attempt no longer owns the run
    private sealed record AttemptEnd(RunState? State, string Reason)
    {
        public RunRequest Obeyed { get; init; }

        public long? Damaged { get; init; }

        public long? FirstBad { get; init; }
    }
}
