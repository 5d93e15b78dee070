using System.Diagnostics;
using Npgsql;
using SmtWeb.Runs;
using SmtWeb.Runs.Database;
using SmtWeb.Smt.Specs;
using SmtWeb.TestTrainer;

namespace SmtWeb.Chaos;

/// <summary>
/// Disturbs a lab that trains short runs without a pause, and looks after each disturbance whether anything was lost or done twice.
/// </summary>
public static class Campaign
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200),
        Patience = TimeSpan.FromMinutes(2);

    /// <summary>Runs a campaign.</summary>
    /// <exception cref="BrokenInvariantException">Something that must hold does not.</exception>
    public static async Task<CampaignResult> RunAsync(CampaignOptions options, CampaignLog log)
    {
        var random = new Random(options.Seed);
        await using var lab = await Lab.StartAsync(options.Web);
        log.Say(
            $"{lab.Workers.Count} workers, {(lab.Disk is null ? "no small disk (needs root)" : "a small disk")}, "
                + $"{(lab.Island is null ? "no cable (needs root and ip)" : "a cable")}, {(lab.Site is null ? "no site" : "a site")}; seed "
                + $"{options.Seed}."
        );
        lab.Keep();
        var invariants = new Invariants(lab.Database, lab.Store);
        var open = new Dictionary<long, RunState>();
        var (queued, purged, attempts, byHand) = (0, 0, 0, 0);
        var kinds = new Dictionary<string, int>();

        var first = await QueueAsync();
        for (var begin = Stopwatch.GetTimestamp(); open.Count > 0; await Task.Delay(Look))
        {
            await HarvestAsync(null);
            Within(begin);
        }

        var twin = await invariants.ReadAsync(first);
        log.Say($"The twin is run {first}: {twin.Points.Count} points, weights {twin.Weights[..12]}.");
        for (var kill = 1; kill <= options.Kills; kill++)
        {
            while (open.Count < options.Runs)
            {
                await QueueAsync();
            }

            var pause = random.NextDouble() * options.Pace;
            for (var begin = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begin) < pause; await Task.Delay(Look))
            {
                await HarvestAsync(twin);
            }

            var name = await new Disturbances(lab, random, options.Freeze).NextAsync();
            kinds[name] = kinds.GetValueOrDefault(name) + 1;
            lab.Keep();
            await TriedAsync(() => invariants.CheckAsync(queued - purged));
            log.Say($"{kill}: {name}; runs {string.Join(", ", open.Select(r => $"{r.Key} {r.Value}"))}");
        }

        for (var begin = Stopwatch.GetTimestamp(); open.Count > 0; await Task.Delay(Look))
        {
            lab.Keep();
            await HarvestAsync(twin);
            Within(begin);
        }

        await invariants.CheckAsync(queued - purged);
        if (lab.Health is not null)
        {
            await AnswersAsync(lab.Health);
        }

        return new(options.Kills, queued, attempts, byHand, kinds);

        async Task<long> QueueAsync()
        {
            var id = await TriedAsync(() => lab.Store.CreateAsync(new("chaos", Spec(options.Iterations), null, 0, "chaos")));
            open[id] = RunState.Queued;
            queued++;
            return id;
        }

        // Runs that are finished are compared and leave; what a person would see to is seen to.
        async Task HarvestAsync(RunFacts? twin)
        {
            foreach (var id in open.Keys.ToList())
            {
                var run = await TriedAsync(() => lab.Store.FindAsync(id)) ?? throw new BrokenInvariantException($"run {id} is gone");
                open[id] = run.Summary.State;
                switch (run.Summary.State)
                {
                    case RunState.Finished:
                        attempts += run.Attempts.Count;
                        if (twin is not null)
                        {
                            await TriedAsync(() => invariants.CompareAsync(id, twin));
                            await PurgeAsync(id);
                        }

                        open.Remove(id);
                        log.Say($"   run {id} is finished after {run.Attempts.Count} attempts, as its twin.");
                        break;
                    case RunState.Failed when run.Summary.StateReason?.Contains("given up after", StringComparison.Ordinal) == true:
                    case RunState.Paused when run.Summary.StateReason?.Contains("Free space", StringComparison.Ordinal) == true:
                        byHand++;
                        log.Say($"   run {id} is resumed by hand: {run.Summary.State}, {run.Summary.StateReason}");
                        await TriedAsync(() => lab.Store.ResumeAsync(id, "chaos"));
                        break;
                    case RunState.Failed or RunState.Paused or RunState.Cancelled:
                        throw new BrokenInvariantException(
                            $"run {id} is {run.Summary.State}, which nobody asked for: {run.Summary.StateReason}"
                        );
                }
            }
        }

        // a thousand runs have no room on a small disk
        async Task PurgeAsync(long id)
        {
            await TriedAsync(() => lab.Store.DeleteAsync(id, "chaos"));
            await TriedAsync(() => lab.Store.PurgeAsync(id, "chaos"));
            purged++;
        }

        void Within(long begin)
        {
            if (Stopwatch.GetElapsedTime(begin) > options.Patience)
            {
                throw new BrokenInvariantException(
                    $"after {options.Patience.TotalMinutes:0} min without a disturbance runs are not finished: "
                        + $"{string.Join(", ", open.Select(r => $"{r.Key} {r.Value}"))}"
                );
            }
        }
    }

    // Seconds of real training on one thread, with an iteration in every point.
    private static TrainingSpec Spec(int iterations)
    {
        var spec = Presets.Find("swiss-roll")!.Spec.ForQuickTest();
        return spec with
        {
            Seed = (long)Trouble.Real,
            Optimisation = spec.Optimisation with { Iterations = iterations, RampIterations = 0 },
            Evaluation = spec.Evaluation with
            {
                MetricsEvery = 5,
                EveryIterations = iterations / 3,
                CheckpointEvery = Math.Max(1, iterations / 15),
                CheckpointsKept = 3,
            },
            Hardware = spec.Hardware with { Threads = 1 },
        };
    }

    private static async Task<T> TriedAsync<T>(Func<Task<T>> work)
    {
        for (var begin = Stopwatch.GetTimestamp(); ; await Task.Delay(Look))
        {
            try
            {
                return await work();
            }
            catch (Exception e) when (Passes(e) && Stopwatch.GetElapsedTime(begin) < Patience)
            {
                // the database is away, or has no room for a moment
            }
        }

        static bool Passes(Exception e) =>
            e is NpgsqlException || PostgresFaults.IsConnectionLoss(e) || (e.InnerException is { } inner && Passes(inner));
    }

    private static Task TriedAsync(Func<Task> work) =>
        TriedAsync(async () =>
        {
            await work();
            return true;
        });

    private static async Task AnswersAsync(Uri health)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
        for (var begin = Stopwatch.GetTimestamp(); ; await Task.Delay(Look))
        {
            try
            {
                if ((await client.GetAsync(health)).IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                // not yet
            }

            if (Stopwatch.GetElapsedTime(begin) > Patience)
            {
                throw new BrokenInvariantException($"the site does not answer at {health}");
            }
        }
    }
}
