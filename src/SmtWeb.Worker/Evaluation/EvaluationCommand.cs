using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using SmtWeb.Measures;
using SmtWeb.Measures.Statistics;
using SmtWeb.Runs;
using SmtWeb.Runs.Checkpoints;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Queue;
using SmtWeb.Smt.Evaluation;
using SmtWeb.Smt.Sampling;
using SmtWeb.Worker.Training;

namespace SmtWeb.Worker.Evaluation;

/// <summary>
/// The process of one queued evaluation: <c>smtweb evaluate --job N --attempt A</c>. It renews its lease itself, ends when
/// its worker is gone, and stores the record at the checkpoint's iteration.
/// </summary>
public static class EvaluationCommand
{
    private const int Ok = 0,
        Lost = 3;

    /// <summary>Measures; <paramref name="worker"/> is the worker's end of the pipe.</summary>
    public static async Task<int> RunAsync(long jobId, int attempt, Stream worker)
    {
        using var input = new StreamReader(worker);
        var instructions = TrainerInstructions.Read(await input.ReadLineAsync());
        await using var services = new ServiceCollection().AddSmtWebRuns(instructions.ConnectionString).BuildServiceProvider();
        var queue = services.GetRequiredService<EvaluationQueue>();
        if (await queue.FindClaimAsync(jobId, attempt) is not { } job)
        {
            return Lost;
        }

        using var stop = new CancellationTokenSource();
        using var over = new CancellationTokenSource();
        var latest = new LatestProgress();
        _ = Task.Run(() => WatchAsync(input, stop));
        var beating = BeatAsync(queue, job, TimeSpan.FromSeconds(instructions.LeaseSeconds), latest, stop, over.Token);
        try
        {
            FeatureNetworks.Prepare(instructions.Threads);
            var store = services.GetRequiredService<IRunStore>();
            var report = await Task.Factory.StartNew(() => Measure(store, job, latest, stop.Token), TaskCreationOptions.LongRunning);
            var stored = await PostgresFaults.RetryAsync(
                () => queue.CompleteAsync(job, report.ToRecord(job.CheckpointId)),
                TimeSpan.FromSeconds(instructions.PatienceSeconds),
                CancellationToken.None
            );
            return stored ? Ok : Lost;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return Lost;
        }
        catch (Exception e)
            when (e is IOException or InvalidDataException or ArgumentException or InvalidOperationException or ArithmeticException)
        {
            if (e is DamagedCheckpointException damaged)
            {
                await services.GetRequiredService<IRunStore>().SetDamagedAsideAsync(damaged.CheckpointId, e.Message);
            }

            await queue.FailAsync(jobId, attempt, e.Message);
            return Ok;
        }
        finally
        {
            await over.CancelAsync();
            await beating;
        }
    }

    private static EvaluationReport Measure(IRunStore store, ClaimedEvaluation job, LatestProgress latest, CancellationToken ct)
    {
        using var checkpoint =
            store.OpenCheckpointAsync(job.RunId, job.CheckpointId, ct).GetAwaiter().GetResult()
            ?? throw new InvalidDataException($"Checkpoint {job.CheckpointId} of run {job.RunId} is gone.");
        using var generator = OneStepGenerator.Load(checkpoint);
        var protocol = EvaluationProtocol.Find(job.Protocol);
        if (generator.DrawsPoints)
        {
            return ModelEvaluator.EvaluatePoints(generator, protocol);
        }

        var cache = Path.Combine(MetricsFolder.Default, "cache");
        using var images = EvaluationImages.Of(generator.Spec.Data, cache);
        using var network = FeatureNetworks.Open(FeatureNetworks.Default(images), MetricsFolder.Default);
        var reference = FeatureNetworks.Reference(images, network, cache, latest.Set, ct);
        return new ModelEvaluator(generator, images, network, reference) { Progress = latest.Set, OfItsOwnData = true }.Evaluate(
            protocol,
            ct
        );
    }

    private static async Task BeatAsync(
        EvaluationQueue queue,
        ClaimedEvaluation job,
        TimeSpan lease,
        LatestProgress latest,
        CancellationTokenSource stop,
        CancellationToken over
    )
    {
        // often enough for a progress bar, and far within the lease
        var every = TimeSpan.FromSeconds(Math.Min(1, lease.TotalSeconds / 3));
        try
        {
            while (!over.IsCancellationRequested)
            {
                var progress = latest.Get();
                try
                {
                    if (
                        !await queue.RenewAsync(
                            job.JobId,
                            job.Attempt,
                            lease,
                            progress.What,
                            progress.Total == 0 ? 0 : (double)progress.Done / progress.Total,
                            over
                        )
                    )
                    {
                        // cancelled, or another attempt owns it
                        await stop.CancelAsync();
                        return;
                    }
                }
                catch (NpgsqlException)
                {
                    // The database is away: whether the lease was lost is seen when it is back.
                }

                await Task.Delay(every, over);
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // measured
        }
    }

    private static async Task WatchAsync(StreamReader input, CancellationTokenSource stop)
    {
        try
        {
            while (await input.ReadLineAsync() is not null) { }

            await stop.CancelAsync();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // the process is ending
        }
    }

    private sealed class LatestProgress
    {
        private readonly Lock _lock = new();
        private MeasureProgress _value = new("loading", 0, 1);

        public void Set(MeasureProgress value)
        {
            lock (_lock)
            {
                _value = value;
            }
        }

        public MeasureProgress Get()
        {
            lock (_lock)
            {
                return _value;
            }
        }
    }
}
