using System.Collections.Concurrent;
using System.Diagnostics;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Feed;
using SmtWeb.Smt.Session;

namespace SmtWeb.Runs.Tests;

[Trait("Needs", "Postgres")]
public sealed class FeedTests(PostgresFixture postgres)
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Subscribe_ToARun_HearsEverythingOfItInOrderAndNothingOfOthers()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var feed = await RunningFeed.StartAsync(database);
        long id = await Make.RunAsync(database, "mine");
        long other = await Make.RunAsync(database, "other");
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        await writer.WriteAsync(Make.Metrics(1, Make.Point(0)));
        await using var mine = feed.Listen(id);
        await using var all = feed.Listen(null);

        await writer.WriteAsync(Make.Metrics(2, Make.Point(1), Make.Point(2)));
        await writer.WriteAsync(
            new(
                3,
                [],
                [Make.Picture(2), Make.Picture(2, PictureKind.Interpolation)],
                [Make.Evaluation(2, 0.5)],
                [new(LogLevel.Information, "hello")]
            )
        );
        await writer.WriteAsync(Make.Metrics(4, Make.Point(3)));
        await Make.CheckpointAsync(writer, 3, Make.Bytes(10));
        var otherWriter = Make.Writer(database, await Make.ClaimAsync(database));
        await otherWriter.WriteAsync(new(1, [Make.Point(77)], [], [Make.Evaluation(77, 0.25)], []));
        await writer.EndAsync(RunState.Finished, "done");

        await mine.UntilAsync(m => m is StateChangeMessage { Summary.State: RunState.Finished });
        await all.UntilAsync(m => m is EvaluationMessage { Evaluation.Record.Iteration: 77 });
        Assert.Equal([1L, 2, 3], mine.Of<MetricBatchMessage>().SelectMany(m => m.Points).Select(p => p.Iteration));
        Assert.Single(mine.Of<GridReadyMessage>());
        Assert.Single(mine.Of<InterpolationReadyMessage>());
        Assert.Single(mine.Of<EvaluationMessage>());
        Assert.Single(mine.Of<CheckpointMessage>());
        Assert.Single(mine.Of<LogMessage>(), m => m.Event.Message == "hello");
        Assert.All(mine.Received, m => Assert.Equal(id, m.RunId));
        // Those who follow all runs hear states and evaluations only.
        Assert.All(all.Received, m => Assert.True(m is StateChangeMessage or EvaluationMessage, m.ToString()));
        Assert.Equal([id, other], all.Of<EvaluationMessage>().Select(m => m.RunId));
    }

    [Fact]
    public async Task Subscribe_WhileAnotherAttemptGoesOn_HearsOfTheRewindBeforeItsPoints()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var feed = await RunningFeed.StartAsync(database);
        long id = await Make.RunAsync(database);
        var first = await Make.ClaimAsync(database);
        var writer = Make.Writer(database, first);
        await writer.WriteAsync(Make.Metrics(1, Make.Point(1)));
        await Make.CheckpointAsync(writer, 1, Make.Bytes(10));
        await writer.WriteAsync(Make.Metrics(2, Make.Point(2)));
        await using var page = feed.Listen(id);
        var second = await Make.LoseAndClaimAsync(database, first);
        await Make.Writer(database, second).WriteAsync(Make.Metrics(1, Make.Point(2, 5)));

        await page.UntilAsync(m => m is MetricBatchMessage);
        var curve = page.Received.Where(m => m is MetricBatchMessage or CurvesRewoundMessage).ToList();
        Assert.Equal(new CurvesRewoundMessage(id, 1), curve[0]);
        Assert.Equal(5, ((MetricBatchMessage)curve[1]).Points.Single().Value);
    }

    [Fact]
    public async Task Subscribe_AfterDeletion_HearsThatTheRunIsGone()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var feed = await RunningFeed.StartAsync(database);
        long id = await Make.RunAsync(database);
        await using var all = feed.Listen(null);
        await database.Store.DeleteAsync(id, "ada");
        await all.UntilAsync(m => m is StateChangeMessage { Summary: null } && m.RunId == id);
    }

    [Fact]
    public async Task Subscribe_WithAHandlerThatThrows_LosesOnlyThatHandler()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var feed = await RunningFeed.StartAsync(database);
        long id = await Make.RunAsync(database);
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        int calls = 0;
        await using var bad = feed.Feed.Subscribe(
            id,
            _ =>
            {
                calls++;
                throw new InvalidOperationException("broken page");
            }
        );
        await using var good = feed.Listen(id);
        for (int i = 1; i <= 3; i++)
        {
            await writer.WriteAsync(Make.Metrics(i, Make.Point(i)));
            await good.UntilAsync(m => m is MetricBatchMessage b && b.Points.Any(p => p.Iteration == i));
        }

        Assert.Equal(1, calls);
    }

    [Fact]
    public async Task Subscribe_AndDispose_HearsNothingMore()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var feed = await RunningFeed.StartAsync(database);
        long id = await Make.RunAsync(database);
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        var closed = feed.Listen(id);
        await using var open = feed.Listen(id);
        await writer.WriteAsync(Make.Metrics(1, Make.Point(1)));
        await closed.UntilAsync(m => m is MetricBatchMessage);
        await open.UntilAsync(m => m is MetricBatchMessage);
        await closed.DisposeAsync();
        int heard = closed.Received.Count;
        await writer.WriteAsync(Make.Metrics(2, Make.Point(2)));
        await open.UntilAsync(m => m is MetricBatchMessage b && b.Points.Any(p => p.Iteration == 2));

        Assert.Equal(heard, closed.Received.Count);
    }

    [Fact]
    public async Task Feed_AfterItsConnectionsWereKilled_MissesNothing()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var feed = await RunningFeed.StartAsync(database);
        long id = await Make.RunAsync(database);
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        await using var page = feed.Listen(id);
        await writer.WriteAsync(Make.Metrics(1, Make.Point(1)));
        await page.UntilAsync(m => m is MetricBatchMessage);

        await database.SqlAsync(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        );
        await PostgresFaults.RetryAsync(() => writer.WriteAsync(Make.Metrics(2, Make.Point(2))), Long, CancellationToken.None);
        await page.UntilAsync(m => m is MetricBatchMessage b && b.Points.Any(p => p.Iteration == 2));
        Assert.Equal([1L, 2], page.Of<MetricBatchMessage>().SelectMany(m => m.Points).Select(p => p.Iteration));
    }

    [Fact]
    public async Task Feed_DeliversAWriteSoon()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var feed = await RunningFeed.StartAsync(database);
        long id = await Make.RunAsync(database);
        var writer = Make.Writer(database, await Make.ClaimAsync(database));
        await using var page = feed.Listen(id);
        var latencies = new List<double>();
        for (int i = 1; i <= 40; i++)
        {
            long begin = Stopwatch.GetTimestamp();
            await writer.WriteAsync(Make.Metrics(i, Make.Point(i)));
            await page.UntilAsync(m => m is MetricBatchMessage b && b.Points.Any(p => p.Iteration == i));
            latencies.Add(Stopwatch.GetElapsedTime(begin).TotalMilliseconds);
        }

        // A figure to report, not a bar: the machine may be busy. Arrival is what is asserted above.
        latencies.Sort();
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"write to subscriber: median {latencies[20]:0.0} ms, slowest {latencies[^1]:0.0} ms"
        );
    }

    /// <summary>A feed that runs, and subscribers that remember.</summary>
    private sealed class RunningFeed(RunFeed feed) : IAsyncDisposable
    {
        public RunFeed Feed => feed;

        public static async Task<RunningFeed> StartAsync(TestDatabase database)
        {
            var feed = (RunFeed)database.Services.GetService(typeof(RunFeed))!;
            await feed.StartAsync(CancellationToken.None);
            return new(feed);
        }

        public Ear Listen(long? run) => new(feed, run);

        public async ValueTask DisposeAsync() => await feed.StopAsync(CancellationToken.None);
    }

    private sealed class Ear : IAsyncDisposable
    {
        private readonly ConcurrentQueue<RunMessage> _received = new();
        private readonly SemaphoreSlim _news = new(0);
        private readonly IAsyncDisposable _subscription;

        public Ear(IRunFeed feed, long? run) =>
            _subscription = feed.Subscribe(
                run,
                message =>
                {
                    _received.Enqueue(message);
                    _news.Release();
                    return Task.CompletedTask;
                }
            );

        public IReadOnlyList<RunMessage> Received => [.. _received];

        public IEnumerable<T> Of<T>() => _received.OfType<T>();

        public async Task UntilAsync(Func<RunMessage, bool> wanted)
        {
            using var patience = new CancellationTokenSource(Long);
            while (!_received.Any(wanted))
            {
                try
                {
                    await _news.WaitAsync(patience.Token);
                }
                catch (OperationCanceledException)
                {
                    Assert.Fail("It never came. Received:\n" + string.Join('\n', _received));
                }
            }
        }

        public ValueTask DisposeAsync() => _subscription.DisposeAsync();
    }
}
