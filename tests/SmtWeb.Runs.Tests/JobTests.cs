using Hangfire;
using Hangfire.PostgreSql;
using Hangfire.States;
using Npgsql;
using SmtWeb.Runs.Queue;

namespace SmtWeb.Runs.Tests;

/// <summary>
/// Runs and their Hangfire jobs: one per episode, born in one transaction with what it is for, never run twice, never lost.
/// </summary>
[Trait("Needs", "Postgres")]
public sealed class JobTests(PostgresFixture postgres)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private const string Facts = """
        SELECT concat_ws(' | ', invocationdata, arguments, statename, expireat IS NULL, s.name, s.reason, s.data - 'EnqueuedAt',
            s.data ? 'EnqueuedAt', q.queue, q.fetchedat IS NULL, q.updatecount,
            (SELECT count(*) FROM hangfire.jobparameter p WHERE p.jobid = j.id))
        FROM hangfire.job j JOIN hangfire.state s ON s.id = j.stateid JOIN hangfire.jobqueue q ON q.jobid = j.id WHERE j.id =
        """;

    [Fact]
    public async Task CreateAsync_WritesItsJobAsHangfiresClientDoes()
    {
        await using var database = await postgres.DatabaseAsync();
        long run = await Make.RunAsync(database, "Fashion-MNIST, \"quick\" <1>");
        long ours = (await database.Store.FindAsync(run, Ct))!.JobId!.Value;
        var storage = new PostgreSqlStorage(
            new Pool(database.Database.Source),
            new PostgreSqlStorageOptions { PrepareSchemaIfNecessary = false }
        );
        string theirs = new BackgroundJobClient(storage, new Hangfire.Common.JobFilterProviderCollection()).Create(
            JobQueues.Train(run, "Fashion-MNIST, \"quick\" <1>"),
            new EnqueuedState(JobQueues.Training)
        );

        Assert.Equal(await database.ScalarAsync<string>(Facts + theirs), await database.ScalarAsync<string>(Facts + ours));
        var job = storage.GetConnection().GetJobData($"{ours}").Job;
        Assert.Equal((typeof(ITrainingJobs), nameof(ITrainingJobs.TrainAsync), (object)run), (job.Type, job.Method.Name, job.Args[0]));
    }

    [Fact]
    public async Task Episode_OfARun_IsOneJob_AndTheNextOneAnother()
    {
        await using var database = await postgres.DatabaseAsync();
        long run = await Make.RunAsync(database);
        var claimed = await Make.ClaimAsync(database);
        var again = await Make.LoseAndClaimAsync(database, claimed);
        Assert.Equal((claimed.JobId, claimed.Ticket), (again.JobId, again.Ticket));

        await database.Store.PauseAsync(run, "ada", Ct);
        await Make.Writer(database, again).EndAsync(RunState.Paused, "paused", ct: Ct);
        await database.Store.ResumeAsync(run, "ada", Ct);
        var next = await Make.ClaimAsync(database);
        Assert.NotEqual(claimed.JobId, next.JobId);
        Assert.Equal(next.JobId, (await database.Store.FindAsync(run, Ct))!.JobId);
    }

    [Theory]
    [InlineData("pause")]
    [InlineData("stop")]
    [InlineData("delete")]
    public async Task Change_OfAWaitingRun_TakesItsJobOutOfTheQueue(string change)
    {
        await using var database = await postgres.DatabaseAsync();
        long run = await Make.RunAsync(database);
        long job = (await database.Store.FindAsync(run, Ct))!.JobId!.Value;
        var changed = change switch
        {
            "pause" => await database.Store.PauseAsync(run, "ada", Ct),
            "stop" => await database.Store.CancelAsync(run, "ada", Ct),
            _ => await database.Store.DeleteAsync(run, "ada", Ct),
        };
        Assert.Equal(ChangeResult.Done, changed);
        Assert.Equal(0, await TicketsAsync(database, job));
        Assert.Equal(
            "Deleted",
            await database.ScalarAsync<string>($"SELECT statename FROM hangfire.job WHERE id = {job} AND expireat IS NOT NULL")
        );
        Assert.Contains(
            "by ada while it waited",
            await database.ScalarAsync<string>(
                $"SELECT s.reason FROM hangfire.job j JOIN hangfire.state s ON s.id = j.stateid WHERE j.id = {job}"
            )
        );
    }

    [Fact]
    public async Task Job_RequeuedByHand_IsNeitherClaimedTwiceNorLost()
    {
        await using var database = await postgres.DatabaseAsync();
        var tickets = (JobTickets)database.Services.GetService(typeof(JobTickets))!;
        long run = await Make.RunAsync(database);
        var first = await Make.ClaimAsync(database);
        await database.SqlAsync($"INSERT INTO hangfire.jobqueue (jobid, queue) VALUES ({first.JobId}, 'gpu')");
        Assert.Null(await database.Queue.ClaimAsync(Make.Worker, "another:2", Make.Lease, Ct));

        // Hangfire is done with the first attempt while the second one trains: its ticket goes, the other stays
        var second = await Make.LoseAndClaimAsync(database, first);
        await tickets.ReturnAsync(first, Ct);
        Assert.Equal(1, await TicketsAsync(database, first.JobId));
        await tickets.ReturnAsync(first with { Ticket = await database.ScalarAsync<long>("SELECT id FROM hangfire.jobqueue") }, Ct);
        Assert.Equal(1, await TicketsAsync(database, first.JobId)); // the last ticket of an open run stays

        await Make.Writer(database, second).EndAsync(RunState.Finished, "done", ct: Ct);
        await database.SqlAsync($"INSERT INTO hangfire.jobqueue (jobid, queue) VALUES ({first.JobId}, 'gpu')");
        Assert.Null(await database.Queue.ClaimAsync(Make.Worker, "another:2", Make.Lease, Ct));
        await tickets.ReturnAsync(second, Ct);
        Assert.Equal(0, await TicketsAsync(database, first.JobId));
        Assert.Equal(RunState.Finished, (await database.Store.FindAsync(run, Ct))!.Summary.State);
    }

    [Fact]
    public async Task Ticket_DeletedByHand_IsSaidAndMadeAnew()
    {
        await using var database = await postgres.DatabaseAsync();
        await database.Workers.BeatAsync(Make.Worker, "lab-pc:42", 1, Ct);
        long run = await Make.RunAsync(database);
        long job = (await database.Store.FindAsync(run, Ct))!.JobId!.Value;
        await database.SqlAsync("DELETE FROM hangfire.jobqueue");
        Assert.Contains("its job is missing from the queue", (await database.Store.FindAsync(run, Ct))!.WaitsBecause);
        Assert.Null(await database.Queue.ClaimAsync(Make.Worker, "test:1", Make.Lease, Ct));

        var upkeep = (JobUpkeep)database.Services.GetService(typeof(JobUpkeep))!;
        Assert.StartsWith("1 jobs made", await upkeep.RepairAsync(Ct));
        Assert.Equal("Everything is in order.", await upkeep.RepairAsync(Ct));
        var claimed = await Make.ClaimAsync(database);
        Assert.True(claimed.JobId > job);
        Assert.Equal(run, claimed.RunId);
    }

    [Fact]
    public async Task Refused_JobOfAClaimedRun_LeavesItWaitingWithANewOne()
    {
        await using var database = await postgres.DatabaseAsync();
        long run = await Make.RunAsync(database);
        var first = await Make.ClaimAsync(database);
        await ((JobTickets)database.Services.GetService(typeof(JobTickets))!).RejobAsync(first, Ct);
        Assert.True((await database.Store.FindAsync(run, Ct))!.Summary.State.IsWaiting());
        var second = await Make.ClaimAsync(database);
        Assert.Equal((run, 2), (second.RunId, second.Attempt));
        Assert.NotEqual(first.JobId, second.JobId);
    }

    [Fact]
    public async Task Upkeep_Expire_RemovesWhatHasHadItsTime()
    {
        await using var database = await postgres.DatabaseAsync();
        await database.Workers.BeatAsync(Make.Worker, "old:1", 1, Ct);
        await database.SqlAsync("UPDATE workers SET heartbeat = now() - interval '31 days'");
        Assert.StartsWith("Removed: 1 workers", await ((JobUpkeep)database.Services.GetService(typeof(JobUpkeep))!).ExpireAsync(Ct));
        Assert.Equal(0, await database.ScalarAsync<long>("SELECT count(*) FROM workers"));
    }

    private static Task<long> TicketsAsync(TestDatabase database, long job) =>
        database.ScalarAsync<long>($"SELECT count(*) FROM hangfire.jobqueue WHERE jobid = {job}");

    private sealed class Pool(NpgsqlDataSource source) : IConnectionFactory
    {
        public NpgsqlConnection GetOrCreateConnection() => source.CreateConnection();
    }
}
