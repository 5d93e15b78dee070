using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Npgsql;
using SmtWeb.Runs.Tests;

namespace SmtWeb.Worker.Tests;

/// <summary>When a worker looks into its queue, what stops it and what does not.</summary>
[Trait("Needs", "Postgres")]
public sealed class QueueServiceTests(PostgresFixture postgres)
{
    private const string Channel = "queue_service_tests";

    private static readonly TimeSpan Never = TimeSpan.FromHours(1), Patience = TimeSpan.FromMinutes(1), AWhile = TimeSpan.FromMilliseconds(300);

    [Fact]
    public async Task Notification_OfItsChannel_BringsATurn()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var service = await Service.StartAsync(database, Never);
        await ListenerAsync(database);
        // one of the turns may be that after connecting; not three
        for (int k = 0; k < 3; k++)
        {
            int before = service.Turns;
            await database.SqlAsync($"NOTIFY {Channel}");
            await UntilAsync(() => service.Turns > before);
        }

        await Task.Delay(AWhile);
        int quiet = service.Turns;
        await database.SqlAsync("NOTIFY of_others");
        await Task.Delay(AWhile);
        Assert.Equal(quiet, service.Turns);
    }

    [Fact]
    public async Task Poll_WithoutNotifications_BringsTurns()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var service = await Service.StartAsync(database, TimeSpan.FromMilliseconds(20));
        await UntilAsync(() => service.Turns >= 6);
    }

    [Fact]
    public async Task Wake_DuringATurn_IsNotLostAndManyAreOne()
    {
        await using var database = await postgres.DatabaseAsync();
        using var gate = new SemaphoreSlim(0);
        await using var service = await Service.StartAsync(database, Never, (_, ct) => gate.WaitAsync(ct));
        await ListenerAsync(database);
        await UntilAsync(() => service.Turns >= 1);
        for (int k = 0; k < 20; k++)
        {
            service.Wake();
        }

        gate.Release();
        await UntilAsync(() => service.Turns >= 2);
        gate.Release(50);
        await Task.Delay(AWhile);
        Assert.InRange(service.Turns, 2, 3); // the third: connecting is a wake, too, and may come late
    }

    [Fact]
    public async Task Listener_CutOff_ConnectsAgainAndLooksForWhatItMissed()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var service = await Service.StartAsync(database, Never);
        int first = await ListenerAsync(database);
        await Task.Delay(AWhile);
        int before = service.Turns;
        Assert.True(await database.ScalarAsync<bool>($"SELECT pg_terminate_backend({first})"));
        await UntilAsync(() => service.Turns > before);
        Assert.NotEqual(first, await ListenerAsync(database));
    }

    [Fact]
    public async Task Turn_DatabaseAway_IsTriedAgain()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var service = await Service.StartAsync(database, Never, (turn, _) => turn <= 3 ? throw new NpgsqlException("away") : Task.CompletedTask);
        await UntilAsync(() => service.Turns >= 4);
        Assert.False(service.ExecuteTask!.IsCompleted);
        Assert.All(service.Said.Take(3), s => Assert.Equal(LogLevel.Warning, s.Level));
    }

    [Fact]
    public async Task Turn_AnyOtherFault_IsLoggedAndTriedAgain()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var service = await Service.StartAsync(database, Never, (turn, _) => turn == 1 ? throw new FormatException("a row that nobody can read") : Task.CompletedTask);
        await UntilAsync(() => service.Turns >= 2);
        Assert.False(service.ExecuteTask!.IsCompleted);
        var (level, fault) = Assert.Single(service.Said);
        Assert.Equal(LogLevel.Error, level);
        Assert.IsType<FormatException>(fault);
    }

    [Theory]
    [InlineData("between turns")]
    [InlineData("in a turn")]
    [InlineData("after a fault")]
    [InlineData("away")]
    public async Task Stop_Whenever_EndsOnceAndInPeace(string when)
    {
        await using var database = await postgres.DatabaseAsync();
        await using var service = await Service.StartAsync(database, Never, (_, ct) => when switch
        {
            "in a turn" => Task.Delay(Timeout.InfiniteTimeSpan, ct),
            "after a fault" => throw new FormatException(),
            "away" => throw new NpgsqlException(),
            _ => Task.CompletedTask,
        });
        await UntilAsync(() => service.Turns >= 1);
        await service.StopAsync(CancellationToken.None).WaitAsync(Patience);
        Assert.True(service.ExecuteTask!.IsCompletedSuccessfully);
        Assert.Equal(1, service.Ends);
    }

    /// <summary>The session that listens.</summary>
    private static async Task<int> ListenerAsync(TestDatabase database)
    {
        int[] found = [];
        await UntilAsync(async () =>
        {
            found = await database.ScalarAsync<int[]>($"SELECT coalesce(array_agg(pid), '{{}}') FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle' AND query = 'LISTEN {Channel}'");
            return found.Length == 1;
        });
        return found[0];
    }

    private static Task UntilAsync(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition()));

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        for (long begin = Stopwatch.GetTimestamp(); !await condition(); await Task.Delay(20))
        {
            Assert.True(Stopwatch.GetElapsedTime(begin) < Patience, "waited in vain");
        }
    }

    private sealed class Service(TestDatabase database, TimeSpan poll, Func<int, CancellationToken, Task> turn, Log log)
        : QueueService(database.Database, Channel, poll, log), IAsyncDisposable
    {
        private int _turns, _ends;

        /// <summary>Turns begun.</summary>
        public int Turns => Volatile.Read(ref _turns);

        public int Ends => Volatile.Read(ref _ends);

        public IReadOnlyList<(LogLevel Level, Exception? Fault)> Said
        {
            get
            {
                lock (log.Said)
                {
                    return [.. log.Said];
                }
            }
        }

        public static async Task<Service> StartAsync(TestDatabase database, TimeSpan poll, Func<int, CancellationToken, Task>? turn = null)
        {
            var service = new Service(database, poll, turn ?? ((_, _) => Task.CompletedTask), new Log());
            await service.StartAsync(CancellationToken.None);
            return service;
        }

        public new void Wake() => base.Wake();

        protected override Task TurnAsync(CancellationToken ct) => turn(Interlocked.Increment(ref _turns), ct);

        protected override Task EndAsync()
        {
            Interlocked.Increment(ref _ends);
            return Task.CompletedTask;
        }

        public async ValueTask DisposeAsync()
        {
            await StopAsync(CancellationToken.None);
            Dispose();
        }
    }

    private sealed class Log : ILogger
    {
        public List<(LogLevel Level, Exception? Fault)> Said { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (Said)
            {
                Said.Add((logLevel, exception));
            }
        }
    }
}
