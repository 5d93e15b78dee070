using SmtWeb.Runs;
using SmtWeb.Runs.Tests;

namespace SmtWeb.Worker.Tests;

/// <summary>A hand in the database, and many small runs at once: no run twice at once, none lost, the order kept.</summary>
[Trait("Needs", "Postgres")]
[Collection(Computing.Name)]
public sealed class JobFaultTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Job_RequeuedByHandWhileItRuns_RunsOnce()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var worker = await WorkerHarness.StartAsync(database, slots: 2);
        long run = await WorkerHarness.QueueAsync(database, iterations: 400);
        await worker.TrainerPastAsync(run, 30);
        long job = (await database.Store.FindAsync(run))!.JobId!.Value;
        await database.SqlAsync(
            $"""
            WITH s AS (INSERT INTO hangfire.state (jobid, name, reason, createdat, data) VALUES ({job}, 'Enqueued', 'by hand', now(),
                jsonb_build_object()) RETURNING id)
            UPDATE hangfire.job SET statename = 'Enqueued', stateid = s.id FROM s WHERE hangfire.job.id = {job}
            """
        );
        await database.SqlAsync($"INSERT INTO hangfire.jobqueue (jobid, queue) VALUES ({job}, 'gpu'); NOTIFY smtweb_queue");
        var detail = await WorkerHarness.UntilAsync(database, run, RunState.Finished);

        Assert.Single(detail.Attempts);
        await WorkerHarness.AssertOneCurveAsync(database, run, 400);
        await Faults.UntilAsync(
            async () => await database.ScalarAsync<long>($"SELECT count(*) FROM hangfire.jobqueue WHERE jobid = {job}") == 0,
            "the tickets to go"
        );
    }

    [Fact]
    public async Task FortyRuns_TwoWorkersOfTwoSlots_AreTrainedOnceEachInOrder()
    {
        const int runs = 40,
            slots = 2;
        await using var database = await postgres.DatabaseAsync();
        var random = new Random(1);
        var priority = new Dictionary<long, int>();
        for (int i = 0; i < runs; i++)
        {
            long run = await WorkerHarness.QueueAsync(database, iterations: 5);
            priority[run] = random.Next(4);
            await database.SqlAsync($"UPDATE runs SET priority = {priority[run]} WHERE id = {run}");
        }

        using var first = await Faults.WorkAsync(database, slots);
        using var second = await Faults.WorkAsync(database, slots);
        foreach (long run in priority.Keys)
        {
            Assert.Single((await WorkerHarness.UntilAsync(database, run, RunState.Finished)).Attempts);
            await WorkerHarness.AssertOneCurveAsync(database, run, 5);
        }

        await using var read = database.Database.Source.CreateCommand("SELECT run_id, worker FROM attempts ORDER BY started, run_id");
        await using var rows = await read.ExecuteReaderAsync();
        var (order, workers) = (new List<long>(), new HashSet<string>());
        while (await rows.ReadAsync())
        {
            order.Add(rows.GetInt64(0));
            workers.Add(rows.GetString(1));
        }

        var wanted = priority.OrderByDescending(p => p.Value).ThenBy(p => p.Key).Select(p => p.Key).ToList();
        Assert.Equal(wanted.Order(), order.Order());
        Assert.Equal(2, workers.Count);
        // claims that are under way at the same moment may commit in either order
        Assert.All(order.Index(), o => Assert.InRange(Math.Abs(wanted.IndexOf(o.Item) - o.Index), 0, 2 * slots - 1));
        await Faults.UntilAsync(
            async () =>
                await database.ScalarAsync<long>(
                    "SELECT count(*) FROM hangfire.job WHERE statename = 'Succeeded' AND invocationdata ->> 'Method' = 'TrainAsync'"
                ) == runs
                && await database.ScalarAsync<long>("SELECT count(*) FROM hangfire.jobqueue WHERE queue = 'gpu'") == 0,
            "all jobs to be succeeded in Hangfire, too"
        );
    }
}
