using System.Diagnostics;
using SmtWeb.Runs;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Checkpoints;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.Feed;
using SmtWeb.Runs.Queue;
using SmtWeb.Runs.Tests;
using SmtWeb.Smt.Session;
using SmtWeb.Worker.Training;

namespace SmtWeb.Worker.Tests;

[Trait("Needs", "Postgres")]
public sealed class JournalTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Metrics_InAFlood_AllArriveInOrder()
    {
        await using var database = await postgres.DatabaseAsync();
        var (run, writer) = await AttemptAsync(database);
        await using (var journal = new DbTrainingJournal(writer, TimeSpan.FromSeconds(10)))
        {
            for (int i = 0; i < 60_000; i++)
            {
                journal.Metrics([new("loss", i, i, i, i == 5 ? double.NaN : i)]);
            }
        }

        var points = (await database.Store.MetricsAsync(run)).Points;
        Assert.Equal(Enumerable.Range(0, 60_000).Select(i => (long)i), points.Select(p => p.Iteration));
        Assert.True(double.IsNaN(points[5].Value));
    }

    [Fact]
    public async Task Checkpoint_IsVisibleOnlyAfterThePointsBeforeIt()
    {
        await using var database = await postgres.DatabaseAsync();
        var (run, writer) = await AttemptAsync(database);
        await using var journal = new DbTrainingJournal(writer, TimeSpan.FromSeconds(10));
        journal.Metrics([new("loss", 5, 5, 5, 5)]);
        await Task.Run(() =>
            journal.Checkpoint(
                new(5, 5, 5, null, "test"),
                stream =>
                {
                    Assert.Single(database.Store.MetricsAsync(run).GetAwaiter().GetResult().Points);
                    stream.Write([1, 2, 3]);
                }
            )
        );
        Assert.Single(await database.Store.CheckpointsAsync(run));
    }

    [Fact]
    public async Task Checkpoint_WhoseContentFails_LeavesNothing()
    {
        await using var database = await postgres.DatabaseAsync();
        var (run, writer) = await AttemptAsync(database);
        await using var journal = new DbTrainingJournal(writer, TimeSpan.FromSeconds(10));
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            Task.Run(() =>
                journal.Checkpoint(
                    new(5, 5, 5, null, "test"),
                    stream =>
                    {
                        stream.Write(new byte[CheckpointWriter.ChunkBytes + 1]);
                        throw new InvalidOperationException("the network could not be written");
                    }
                )
            )
        );
        Assert.Empty(await database.Store.CheckpointsAsync(run));
        Assert.Equal(0, await database.ScalarAsync<long>("SELECT count(*) FROM checkpoint_chunks"));
    }

    [Fact]
    public async Task Metrics_AfterTheRunWasTakenAway_TellsTheTrainerToAbandonAndThrows()
    {
        await using var database = await postgres.DatabaseAsync();
        var (run, writer) = await AttemptAsync(database);
        await using var journal = new DbTrainingJournal(writer, TimeSpan.FromSeconds(10));
        Assert.Equal(TrainingSignal.Continue, journal.Signal);
        await database.Queue.ReportLostAsync(run, 1, "killed by the test");
        journal.Metrics([new("loss", 1, 1, 1, 1)]);
        Assert.Throws<AttemptFencedException>(journal.Flush);
        Assert.Equal(TrainingSignal.Abandon, journal.Signal);
        Assert.Throws<AttemptFencedException>(() => journal.Metrics([new("loss", 2, 2, 2, 2)]));
        journal.Raise(new(RunRequest.Pause, "by ada"));
        Assert.Equal(TrainingSignal.Abandon, journal.Signal);
    }

    [Fact]
    public async Task Raise_KeepsTheOrderOfTheHighestRankAndTellsWhatWasObeyed()
    {
        await using var database = await postgres.DatabaseAsync();
        var (_, writer) = await AttemptAsync(database);
        await using var journal = new DbTrainingJournal(writer, TimeSpan.FromSeconds(10));
        var gone = new TrainerOrder(RunRequest.Release, "its worker is gone");
        journal.Raise(gone);
        // a heartbeat that was under way brings what the database knew before
        journal.Raise(TrainerOrder.GoOn);
        Assert.Equal(TrainerOrder.GoOn, journal.Obeyed);
        Assert.Equal(TrainingSignal.Pause, journal.Signal);
        Assert.Same(gone, journal.Obeyed);
        // what is asked after the session has acted does not change why it left
        journal.Raise(new(RunRequest.Stop, "stopped by ada"));
        Assert.Same(gone, journal.Obeyed);
        Assert.Equal(TrainingSignal.Stop, journal.Signal);
    }

    [Fact]
    public async Task Metrics_ReachASubscriberSoonWithoutHoldingUpTheTrainer()
    {
        await using var database = await postgres.DatabaseAsync();
        var (run, writer) = await AttemptAsync(database);
        var feed = (RunFeed)database.Services.GetService(typeof(RunFeed))!;
        await feed.StartAsync(CancellationToken.None);
        var said = new System.Collections.Concurrent.ConcurrentDictionary<long, long>();
        var latencies = new List<double>();
        var all = new TaskCompletionSource();
        const int points = 100;
        await using var subscription = feed.Subscribe(
            run,
            message =>
            {
                foreach (var point in message is MetricBatchMessage batch ? batch.Points : [])
                {
                    latencies.Add(Stopwatch.GetElapsedTime(said[point.Iteration]).TotalMilliseconds);
                }

                if (latencies.Count == points)
                {
                    all.SetResult();
                }

                return Task.CompletedTask;
            }
        );
        double longestCall = 0;
        await using (var journal = new DbTrainingJournal(writer, TimeSpan.FromSeconds(10)))
        {
            for (int i = 0; i < points; i++)
            {
                said[i] = Stopwatch.GetTimestamp();
                journal.Metrics([new("loss", i, i, i, i)]);
                longestCall = Math.Max(longestCall, Stopwatch.GetElapsedTime(said[i]).TotalMilliseconds);
                await Task.Delay(20);
            }

            await all.Task.WaitAsync(TimeSpan.FromSeconds(30));
        }

        latencies.Sort();
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"journal to subscriber: median {latencies[points / 2]:0} ms, 95 % {latencies[points * 95 / 100]:0} ms, slowest "
                + $"{latencies[^1]:0} ms; longest call in the trainer {longestCall:0.00} ms"
        );
        await feed.StopAsync(CancellationToken.None);
    }

    private static async Task<(long Run, AttemptWriter Writer)> AttemptAsync(TestDatabase database)
    {
        long run = await WorkerHarness.QueueAsync(database);
        var claim = await database.Queue.ClaimAsync(Guid.NewGuid(), "test:1", TimeSpan.FromSeconds(60));
        return (run, new AttemptWriter(database.Database, run, claim!.Attempt));
    }
}
