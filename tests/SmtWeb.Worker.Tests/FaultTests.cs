using System.Diagnostics;
using System.Runtime.InteropServices;
using SmtWeb.Runs;
using SmtWeb.Runs.Tests;

namespace SmtWeb.Worker.Tests;

/// <summary>What befalls a lab: worker processes that are killed or stand still, hands in the database, many small runs at once.</summary>
[Trait("Needs", "Postgres")]
public sealed partial class FaultTests(PostgresFixture postgres)
{
    private const int StopSignal = 19,
        ContinueSignal = 18;

    // that of the product: a trainer is loaded within it on a busy machine, too
    private const int LeaseSeconds = 15;

    [Fact]
    public async Task Kill_OfAWorkerWithItsTrainer_GoesOnElsewhereWithinTheLeaseAndFiveSeconds()
    {
        await using var database = await postgres.DatabaseAsync();
        await UpForALeaseAsync(database);
        long run = await WorkerHarness.QueueAsync(database, iterations: 1500);
        using var first = await WorkAsync(database, 1);
        int attempt = await PastAsync(database, run, 60);
        using var second = await WorkAsync(database, 1);
        await WorkersAsync(database, 2);
        // the worker first: it would see its trainer's end and say so
        int trainer = Trainer(first.Id);
        first.Kill();
        Process.GetProcessById(trainer).Kill();
        long killed = Stopwatch.GetTimestamp();

        var detail = await WorkerHarness.UntilAsync(database, run, d => d.Attempt == attempt + 1, "the next attempt");
        var waited = Stopwatch.GetElapsedTime(killed);
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"kill to the next attempt: {waited.TotalSeconds:0.0} s with a lease of {LeaseSeconds} s"
        );
        Assert.True(waited < TimeSpan.FromSeconds(LeaseSeconds + 5), $"{waited}");
        Assert.True(detail.Attempts[^1].FirstIteration >= 40, $"from {detail.Attempts[^1].FirstIteration}");
        await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        await WorkerHarness.AssertOneCurveAsync(database, run, 1500);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Stop_OfAWorker_LosesARunOnlyWithItsTrainerAndNeverRunsItTwice(bool trainerToo)
    {
        await using var database = await postgres.DatabaseAsync();
        await UpForALeaseAsync(database);
        const int iterations = 6000;
        long run = await WorkerHarness.QueueAsync(database, iterations);
        using var first = await WorkAsync(database, 1);
        int attempt = await PastAsync(database, run, 60);
        using var second = await WorkAsync(database, 1);
        await WorkersAsync(database, 2);
        int trainer = Trainer(first.Id);
        Assert.Equal(0, Kill(first.Id, StopSignal));
        if (trainerToo)
        {
            Assert.Equal(0, Kill(trainer, StopSignal));
            await WorkerHarness.UntilAsync(
                database,
                run,
                d => d.Attempt == attempt + 1 && d.Summary.State is RunState.Running,
                "the other worker to take it over"
            );
            Assert.Equal(0, Kill(trainer, ContinueSignal)); // both train now; one of them is heard
        }
        else
        {
            await Task.Delay(TimeSpan.FromSeconds(LeaseSeconds * 2));
        }

        Assert.Equal(0, Kill(first.Id, ContinueSignal));
        var detail = await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        Assert.Equal(trainerToo ? attempt + 1 : attempt, detail.Attempts.Count);
        await WorkerHarness.AssertOneCurveAsync(database, run, iterations);
    }

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
            WITH s AS (INSERT INTO hangfire.state (jobid, name, reason, createdat, data) VALUES ({job}, 'Enqueued', 'by hand', now(), jsonb_build_object()) RETURNING id)
            UPDATE hangfire.job SET statename = 'Enqueued', stateid = s.id FROM s WHERE hangfire.job.id = {job}
            """
        );
        await database.SqlAsync($"INSERT INTO hangfire.jobqueue (jobid, queue) VALUES ({job}, 'gpu'); NOTIFY smtweb_queue");
        var detail = await WorkerHarness.UntilAsync(database, run, RunState.Finished);

        Assert.Single(detail.Attempts);
        await WorkerHarness.AssertOneCurveAsync(database, run, 400);
        await UntilAsync(
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

        using var first = await WorkAsync(database, slots);
        using var second = await WorkAsync(database, slots);
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
        await UntilAsync(
            async () =>
                await database.ScalarAsync<long>(
                    "SELECT count(*) FROM hangfire.job WHERE statename = 'Succeeded' AND invocationdata ->> 'Method' = 'TrainAsync'"
                ) == runs
                && await database.ScalarAsync<long>("SELECT count(*) FROM hangfire.jobqueue WHERE queue = 'gpu'") == 0,
            "all jobs to be succeeded in Hangfire, too"
        );
    }

    [Fact]
    public async Task Outage_LongerThanTheServerTimeout_IsTrainedThroughAndTheWorkerGoesOn()
    {
        Assert.SkipWhen(postgres.Missing is not null, postgres.Missing ?? "");
        await using var server = await OutagePostgres.StartAsync();
        await using var database = new TestDatabase(server.ConnectionString);
        await database.Database.MigrateAsync();
        var serverTimeout = TimeSpan.FromSeconds(6);
        await using var worker = await WorkerHarness.StartAsync(
            database,
            WorkerHarness.Options(database) with
            {
                Lease = TimeSpan.FromSeconds(LeaseSeconds),
                ServerTimeout = serverTimeout,
            }
        );
        long run = await WorkerHarness.QueueAsync(database, iterations: 2500);
        int trainer = await worker.TrainerPastAsync(run, 60);
        await server.LeaveAsync();
        await Task.Delay(serverTimeout * 2);
        Assert.Equal([trainer], worker.TrainerIds); // Hangfire has replaced its server; the trainer is none of its business
        await server.ReturnAsync();

        var detail = await WorkerHarness.UntilAsync(database, run, RunState.Finished);
        Assert.Single(detail.Attempts);
        await WorkerHarness.AssertOneCurveAsync(database, run, 2500);
        await WorkerHarness.UntilAsync(database, await WorkerHarness.QueueAsync(database, iterations: 20), RunState.Finished);
    }

    [Fact]
    public async Task Connections_OfTwentyIdleWorkers_AreFew()
    {
        await using var database = await postgres.DatabaseAsync();
        var workers = new List<WorkerHarness>();
        try
        {
            for (int i = 0; i < 20; i++)
            {
                workers.Add(await WorkerHarness.StartAsync(database));
            }
            await Task.Delay(TimeSpan.FromSeconds(30)); // what starting took is closed again
            var seen = new List<long>();
            for (int i = 0; i < 10; i++, await Task.Delay(500))
            {
                seen.Add(
                    await database.ScalarAsync<long>(
                        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                );
            }

            TestContext.Current.TestOutputHelper!.WriteLine($"connections of 20 idle workers: {string.Join(' ', seen)}");
            Assert.InRange(seen.Max(), 20, 120);
        }
        finally
        {
            await Task.WhenAll(workers.Select(w => w.DisposeAsync().AsTask()));
        }
    }

    /// <summary>A worker process; it is killed with the test.</summary>
    private static async Task<WorkerProcess> WorkAsync(TestDatabase database, int slots)
    {
        var process = Process.Start(
            new ProcessStartInfo(WorkerHarness.Program, ["work", $"{LeaseSeconds}", $"{slots}"])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            }
        )!;
        await process.StandardInput.WriteLineAsync(database.ConnectionString);
        await process.StandardInput.FlushAsync();
        return new(process);
    }

    /// <summary>Waits until so much is trained; returns the number of the attempt.</summary>
    private static async Task<int> PastAsync(TestDatabase database, long run, long iteration) =>
        (
            await WorkerHarness.UntilAsync(
                database,
                run,
                d => d.Summary.State is RunState.Running && d.Summary.Iteration >= iteration,
                $"iteration {iteration}"
            )
        ).Attempt;

    private static Task WorkersAsync(TestDatabase database, long count) =>
        UntilAsync(async () => await database.Workers.CountAliveAsync() == count, $"{count} workers");

    // nobody is taken for lost before the server has been up for a lease
    private static Task UpForALeaseAsync(TestDatabase database) =>
        UntilAsync(
            () => database.ScalarAsync<bool>($"SELECT pg_postmaster_start_time() < now() - interval '{LeaseSeconds} seconds'"),
            "the server to be up"
        );

    private static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        for (long begin = Stopwatch.GetTimestamp(); !await condition(); await Task.Delay(100))
        {
            Assert.True(Stopwatch.GetElapsedTime(begin) < WorkerHarness.Patience, $"waited in vain for {what}");
        }
    }

    private static int Trainer(int worker) =>
        Directory
            .GetDirectories($"/proc/{worker}/task")
            .SelectMany(t => File.ReadAllText(Path.Combine(t, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(int.Parse)
            .Distinct()
            .Single();

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);

    private sealed record WorkerProcess(Process Process) : IDisposable
    {
        public int Id => Process.Id;

        public void Kill() => Process.Kill();

        public void Dispose()
        {
            if (!Process.HasExited)
            {
                Process.Kill(entireProcessTree: true);
            }
            Process.Dispose();
        }
    }
}
