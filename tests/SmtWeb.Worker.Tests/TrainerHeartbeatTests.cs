using System.Diagnostics;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Queue;
using SmtWeb.Runs.Tests;
using SmtWeb.Smt.Session;
using SmtWeb.Worker.Training;

namespace SmtWeb.Worker.Tests;

/// <summary>The heartbeat alone, with nobody who would take an expired lease away: what it renews and what it brings.</summary>
[Trait("Needs", "Postgres")]
public sealed class TrainerHeartbeatTests(PostgresFixture postgres)
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(300),
        Long = TimeSpan.FromHours(1);

    [Fact]
    public async Task Trainer_AtWork_KeepsItsLease()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var beat = await BeatingAsync(database, Short, stallLimit: Long);
        var seen = new HashSet<DateTime>();
        await UntilAsync(async () => seen.Add(await LeaseAsync(database, beat.Run)) && seen.Count >= 6);
    }

    [Fact]
    public async Task Trainer_Silent_IsNotKeptAlive()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var beat = await BeatingAsync(database, Short, stallLimit: TimeSpan.Zero);
        var claimed = await LeaseAsync(database, beat.Run);
        await Task.Delay(Short * 3);
        Assert.Equal(claimed, await LeaseAsync(database, beat.Run));
    }

    [Fact]
    public async Task Wish_OfAMember_ComesByNotificationLongBeforeTheNextBeat()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var beat = await BeatingAsync(database, Long, stallLimit: Long);
        Assert.Equal(TrainingSignal.Continue, beat.Journal.Signal);
        await database.Store.PauseAsync(beat.Run, "ada");
        await UntilAsync(() => Task.FromResult(beat.Journal.Signal == TrainingSignal.Pause));
        await database.Store.CancelAsync(beat.Run, "ada");
        await UntilAsync(() => Task.FromResult(beat.Journal.Signal == TrainingSignal.Stop));
    }

    [Fact]
    public async Task Run_OfAnotherAttempt_IsAbandonedAndTheHeartbeatEnds()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var beat = await BeatingAsync(database, Short, stallLimit: Long);
        await WorkerHarness.ExpireAsync(database, beat.Run, attempt: 1);
        await database.SqlAsync($"UPDATE runs SET attempt = 2 WHERE id = {beat.Run}");
        await beat.Ended.WaitAsync(WorkerHarness.Patience, TestContext.Current.CancellationToken);
        Assert.Equal(TrainingSignal.Abandon, beat.Journal.Signal);
    }

    private static Task<DateTime> LeaseAsync(TestDatabase database, long run) =>
        database.ScalarAsync<DateTime>($"SELECT lease_until FROM runs WHERE id = {run}");

    private static async Task<Beating> BeatingAsync(TestDatabase database, TimeSpan lease, TimeSpan stallLimit)
    {
        long run = await WorkerHarness.QueueAsync(database);
        var claim = await database.Queue.ClaimAsync(Guid.NewGuid(), "test:1", Long);
        var writer = new AttemptWriter(database.Database, run, claim!.Attempt);
        await writer.BeginAsync("test");
        return new Beating(database, writer, new AttemptLease(database.Database, run, claim.Attempt, lease), stallLimit);
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        for (long begin = Stopwatch.GetTimestamp(); !await condition(); await Task.Delay(20))
        {
            Assert.True(Stopwatch.GetElapsedTime(begin) < WorkerHarness.Patience, "waited in vain");
        }
    }

    private sealed class Beating : IAsyncDisposable
    {
        private readonly CancellationTokenSource _over = new();

        public Beating(TestDatabase database, AttemptWriter writer, AttemptLease lease, TimeSpan stallLimit)
        {
            (Run, Journal) = (writer.RunId, new DbTrainingJournal(writer, TimeSpan.FromSeconds(10)));
            Ended = new TrainerHeartbeat(database.Database, writer, lease, Journal, stallLimit).RunAsync(_over.Token);
        }

        public long Run { get; }

        public DbTrainingJournal Journal { get; }

        public Task Ended { get; }

        public async ValueTask DisposeAsync()
        {
            await _over.CancelAsync();
            await Ended;
            await Journal.DisposeAsync();
            _over.Dispose();
        }
    }
}
