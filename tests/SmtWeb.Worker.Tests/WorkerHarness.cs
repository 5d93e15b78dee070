using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using SmtWeb.Runs;
using SmtWeb.Runs.Tests;
using SmtWeb.Smt.Specs;
using SmtWeb.TestTrainer;
using SmtWeb.Worker.Jobs;

namespace SmtWeb.Worker.Tests;

/// <summary>A worker over a test's database, with real trainer processes that count.</summary>
internal sealed class WorkerHarness : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(300);

    private readonly TestDatabase _database;
    private readonly IHost _host;
    private bool _stopped;

    private WorkerHarness(TestDatabase database, IHost host) => (_database, _host) = (database, host);

    public IServiceProvider Services => _host.Services;

    public IReadOnlyCollection<int> TrainerIds => Services.GetRequiredService<RunningTrainers>().Ids;

    public static string Program => Path.Combine(AppContext.BaseDirectory, "SmtWeb.TestTrainer");

    public static Task<WorkerHarness> StartAsync(TestDatabase database, int slots = 1) =>
        StartAsync(database, Options(database) with { Slots = slots });

    /// <summary>
    /// A lease far longer than a trainer takes to load, even beside everything else that a busy machine does: a test that is
    /// about a lost lease has it run out in the database (<see cref="ExpireAsync"/>).
    /// </summary>
    public static WorkerOptions Options(TestDatabase database) =>
        new()
        {
            ConnectionString = database.ConnectionString,
            Lease = TimeSpan.FromMinutes(1),
            Patience = TimeSpan.FromMinutes(1),
            ShutdownGrace = TimeSpan.FromMinutes(1),
            TrainerProgram = [Program],
        };

    /// <summary>The lease of a run's attempt runs out now.</summary>
    public static async Task ExpireAsync(TestDatabase database, long run, int attempt) =>
        Assert.Equal(
            1,
            await database.SqlAsync($"UPDATE runs SET lease_until = now() - interval '1 second' WHERE id = {run} AND attempt = {attempt}")
        );

    public static async Task<WorkerHarness> StartAsync(TestDatabase database, WorkerOptions options)
    {
        var host = Host(database, services => services.AddRunWorker(options));
        await host.StartAsync();
        return new(database, host);
    }

    /// <summary>A node over the test's database with nothing but what <paramref name="add"/> adds.</summary>
    public static IHost Host(TestDatabase database, Action<IServiceCollection> add)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder(
            new HostApplicationBuilderSettings { DisableDefaults = true }
        );
        builder.Services.AddSmtWebRuns(database.ConnectionString);
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = Patience);
        add(builder.Services);
        return builder.Build();
    }

    /// <summary>Queues a run that counts to <paramref name="iterations"/> at 10 ms each.</summary>
    public static Task<long> QueueAsync(
        TestDatabase database,
        int iterations = 100,
        Trouble trouble = Trouble.None,
        int checkpointEvery = 20
    )
    {
        var spec = Presets.Find("swiss-roll")!.Spec.ForQuickTest();
        spec = spec with
        {
            Seed = (long)trouble,
            Optimisation = spec.Optimisation with { Iterations = iterations, RampIterations = 0 },
            Evaluation = spec.Evaluation with { CheckpointEvery = checkpointEvery, CheckpointsKept = 3 },
        };
        return database.Store.CreateAsync(new("count", spec, null, 0, "tester"));
    }

    public static Task<RunDetail> UntilAsync(TestDatabase database, long run, RunState state) =>
        UntilAsync(database, run, d => d.Summary.State == state, state.ToString());

    public static async Task<RunDetail> UntilAsync(TestDatabase database, long run, Func<RunDetail, bool> wanted, string what)
    {
        RunDetail? detail = null;
        for (long begin = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begin) < Patience; await Task.Delay(100))
        {
            try
            {
                detail = await database.Store.FindAsync(run);
                if (detail is not null && wanted(detail))
                {
                    return detail;
                }
            }
            catch (Npgsql.NpgsqlException)
            {
                // The test has just killed the server.
            }
            catch (InvalidOperationException e) when (e.InnerException is Npgsql.NpgsqlException)
            {
                // The same, as Entity Framework wraps it.
            }
        }

        var log = await database.Store.EventsAsync(run);
        Assert.Fail(
            $"Waited in vain for {what}; the run is {detail?.Summary.State} "
                + $"({detail?.Summary.StateReason}).\n{string.Join('\n', log.Select(e => $"{e.At:mm:ss.fff} #{e.Attempt} {e.Message}"))}"
        );
        throw new UnreachableException();
    }

    /// <summary>Waits until the trainer has stored at least so many iterations, and returns its process id.</summary>
    public async Task<int> TrainerPastAsync(long run, long iteration)
    {
        await UntilAsync(
            _database,
            run,
            d => d.Summary.State is RunState.Running && d.Summary.Iteration >= iteration,
            $"iteration {iteration}"
        );
        return Assert.Single(TrainerIds);
    }

    /// <summary>Every iteration is there, once, in order.</summary>
    public static async Task AssertOneCurveAsync(TestDatabase database, long run, long iterations)
    {
        var points = (await database.Store.MetricsAsync(run)).Points;
        Assert.Equal(Enumerable.Range(1, (int)iterations).Select(i => (long)i), points.Select(p => p.Iteration));
        Assert.All(points, p => Assert.Equal(1.0 / p.Iteration, p.Value));
    }

    public async Task StopAsync()
    {
        if (!_stopped)
        {
            _stopped = true;
            await _host.StopAsync(CancellationToken.None);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _host.Dispose();
    }
}
