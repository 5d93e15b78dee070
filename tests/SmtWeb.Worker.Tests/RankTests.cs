using System.Diagnostics;
using System.Globalization;
using SmtWeb.Runs;
using SmtWeb.Runs.Tests;
using SmtWeb.Smt.Specs;
using SmtWeb.TestTrainer;

namespace SmtWeb.Worker.Tests;

/// <summary>A run on two devices under the real worker: one process each, and what happens when one dies.</summary>
[Trait("Needs", "Postgres")]
[Collection(Computing.Name)]
public sealed class RankTests(PostgresFixture postgres)
{
    [Fact]
    public async Task SwissRoll_SecondProcessKilled_GoesOnFromItsCheckpointWithinSeconds()
    {
        await using var database = await postgres.DatabaseAsync();
        await using var worker = await WorkerHarness.StartAsync(database);
        var spec = Presets.Find("swiss-roll")!.Spec.ForQuickTest();
        spec = spec with
        {
            Seed = (long)Trouble.Real,
            Hardware = spec.Hardware with { Devices = 2, Threads = 2 },
            Optimisation = spec.Optimisation with { Iterations = 1500 },
            Evaluation = spec.Evaluation with { EveryIterations = 1500, CheckpointEvery = 250, MetricsEvery = 10 },
        };
        long run = await database.Store.CreateAsync(new("two devices", spec, null, 0, "tester"));
        int first = await worker.TrainerPastAsync(run, 300);
        Process.GetProcessById(Assert.Single(ChildrenOf(first))).Kill();
        var detail = await WorkerHarness.UntilAsync(database, run, RunState.Finished);

        Assert.Equal(2, detail.Attempts.Count);
        Assert.True(detail.Attempts[1].FirstIteration >= 250);
        var log = await database.Store.EventsAsync(run);
        Assert.Contains(log, e => e.Message.Contains("a process of one of its devices died", StringComparison.Ordinal));
        Assert.Contains(log, e => e.Message.Contains("signal 9", StringComparison.Ordinal));
    }

    /// <summary>Processes that <paramref name="parent"/> started: the fourth field of their stat, after the name in brackets.</summary>
    private static List<int> ChildrenOf(int parent)
    {
        var children = new List<int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(f => int.TryParse(Path.GetFileName(f), out _)))
        {
            try
            {
                var stat = File.ReadAllText(Path.Combine(folder, "stat"));
                if (stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1] == parent.ToString(CultureInfo.InvariantCulture))
                {
                    children.Add(int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture));
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // it has just ended
            }
        }

        return children;
    }
}
